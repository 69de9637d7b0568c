// The node's API. Everything goes through fetch, also the streams: an EventSource can neither send a token nor wait longer
// after each failure, and a page must not hammer a node that is down.

const TOKEN = 'duende-token';
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15000;
const STEADY = 5000; // a stream that lasted so long counts as a success

export class ApiError extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

let askForToken = async () => null;
/** `ask` resolves to a token, or to null where the user gives none. */
export function onUnauthorized(ask) {
  askForToken = ask;
}

async function request(path, {method = 'GET', headers = {}, body, signal} = {}) {
  for (;;) {
    const token = sessionStorage.getItem(TOKEN);
    const sent = token ? {...headers, Authorization: `Bearer ${token}`} : headers;
    const response = await fetch(path, {method, headers: sent, body, signal, cache: 'no-store', redirect: 'error'});
    if (response.ok) return response;
    if (response.status === 401) {
      const fresh = await askForToken();
      if (fresh) {
        sessionStorage.setItem(TOKEN, fresh);
        continue;
      }
    }
    const problem = await response.json().catch(() => ({}));
    throw new ApiError(response.status, problem.detail ?? `the node answered ${response.status}`);
  }
}

export async function getJson(path, {patience = 10000} = {}) {
  const response = await request(path, {signal: AbortSignal.timeout(patience)});
  return response.json();
}

const MOST_WAITING = 2; // of the six connections that a browser grants: the others are for looks, events and a log
let waiting = 0;

async function wait(path, options) {
  waiting += 1;
  try {
    return await (await request(path, {method: 'POST', ...options})).json();
  } finally {
    waiting -= 1;
  }
}

/** The daemon after it; or as it is now where too many orders are under way to wait for one more. */
export function act(verb, name) {
  const path = `v1/daemons/${encodeURIComponent(name)}/${verb}`;
  if (waiting >= MOST_WAITING) return request(`${path}?wait=false`, {method: 'POST'}).then((response) => response.json());
  return wait(`${path}?timeout=300s`);
}

/** roll or scale: of all instances of a name, which may take minutes. */
export async function actOnAll(verb, group, instances) {
  if (waiting >= MOST_WAITING) throw new ApiError(0, 'too much is under way: wait for the outcome of what was asked for');
  const path = `v1/daemons/${encodeURIComponent(group)}`;
  if (verb === 'roll') return wait(`${path}/restart?rolling=1&timeout=600s`);
  return wait(`${path}/scale`, {headers: {'Content-Type': 'application/json'}, body: JSON.stringify({instances})});
}

const sleep = (ms, signal) => new Promise((resolve) => {
  if (signal.aborted) return resolve();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener('abort', () => {
    clearTimeout(timer);
    resolve();
  }, {once: true});
});

const visible = (signal) => new Promise((resolve) => {
  const look = () => {
    if (document.visibilityState !== 'visible' && !signal.aborted) return;
    document.removeEventListener('visibilitychange', look);
    resolve();
  };
  document.addEventListener('visibilitychange', look);
  signal.addEventListener('abort', look, {once: true});
  look();
});

/** Calls `onLines` with the complete lines of each piece. */
async function readLines(body, onLines) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const {done, value} = await reader.read();
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop();
    if (rest.length > 1 << 20) rest = ''; // no line of ours is that long
    if (lines.length) onLines(lines);
  }
}

/**
 * Keeps a stream open while the page is visible; a browser grants a site six connections, and tabs in the back must not take
 * them. After a failure it waits, each time longer. Returns a function that ends it, and one that breaks it for a new start.
 */
function keepOpen(open, onState) {
  const over = new AbortController();
  let attempt = new AbortController();
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden') attempt.abort();
  }, {signal: over.signal});
  over.signal.addEventListener('abort', () => attempt.abort());
  (async () => {
    let pause = FIRST_PAUSE;
    while (!over.signal.aborted) {
      await visible(over.signal);
      if (over.signal.aborted) return;
      attempt = new AbortController();
      const began = performance.now();
      try {
        await open(attempt.signal);
        onState('lost');
      } catch (error) {
        if (over.signal.aborted) return;
        onState('lost', error);
        if (error instanceof ApiError && error.status === 404) return;
      }
      if (performance.now() - began > STEADY) pause = FIRST_PAUSE;
      await sleep(pause * (0.75 + Math.random() / 2), over.signal);
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    }
  })();
  return {end: () => over.abort(), again: () => attempt.abort()};
}

/** Events after `lastId()`: none twice, none missing, across restarts of the node. */
export function followEvents(lastId, onEvent, onState) {
  return keepOpen(async (signal) => {
    const headers = {Accept: 'text/event-stream', 'Last-Event-ID': String(lastId())};
    const response = await request('v1/events', {headers, signal});
    onState('live');
    await readLines(response.body, (lines) => {
      for (const line of lines) {
        if (!line.startsWith('data: ')) continue; // the id is in the data too
        try {
          onEvent(JSON.parse(line.slice(6)));
        } catch { /* half an event: it comes again */ }
      }
    });
  }, onState);
}

/** What a daemon writes: the last lines with `onStart` before them, then what comes. Of a flood only the end is kept. */
export function followLog(name, tail, {onStart, onLines, onState}) {
  const path = `v1/daemons/${encodeURIComponent(name)}/logs?follow=1&tail=${tail}`;
  return keepOpen(async (signal) => {
    const response = await request(path, {headers: {Accept: 'application/x-ndjson'}, signal});
    onState('live');
    onStart();
    await readLines(response.body, (lines) => {
      const kept = lines.slice(-tail);
      const parsed = [];
      for (const line of kept) {
        try {
          if (line) parsed.push(JSON.parse(line));
        } catch { /* not a line of a log */ }
      }
      onLines(parsed, lines.length - kept.length);
    });
  }, onState);
}
