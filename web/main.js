// Brings the pieces together: looks at the node while somebody looks at the page, and follows its events.
import {ApiError, act, actOnAll, followEvents, getJson, onUnauthorized} from './api.js';
import {askForToken, confirmAction, confirmForAll, showKeys, toast} from './dialogs.js';
import {Detail} from './detail.js';
import {by, el, setAttribute, setText} from './dom.js';
import {span, toneOfState} from './format.js';
import {Model} from './model.js';
import {Timeline} from './timeline.js';
import {Tree} from './tree.js';

const PAUSE = 1000;
const SHARE = 10; // a look may take one part in so many of the time, up to
const LONGEST_STEP = 5000;
const LONGEST_PAUSE = 15000;
const STATES = ['running', 'starting', 'backoff', 'paused', 'stopping', 'failed', 'stopped', 'created'];

const model = new Model();
const tree = new Tree(by('rows'), model, {select, toggle, key: onRowKey});
const detail = new Detail(by('detail'), model, {act: ask, close: closeDetail, select: (name) => select('daemon', name)});
const timeline = new Timeline(model, (name) => select('daemon', name));

let selected = null;
let stream = null;
let failures = 0;
let soon = null; // wakes the loop
const link = {node: 'connecting', events: 'connecting'};

function showLink() {
  const word = link.node === 'live' && link.events !== 'lost' ? 'live' : link.node === 'connecting' ? 'connecting' : 'reconnecting';
  const shown = by('link');
  setText(shown, word);
  setAttribute(shown, 'data-link', word);
  setAttribute(document.body, 'data-link', word);
}

function draw() {
  const began = performance.now();
  const now = Date.now();
  const {name, version, uptime_seconds: uptime, generation} = model.node;
  setText(by('node'), name ? `${name} · ${version} · up ${span(uptime)}${generation > 1 ? ` · back ${generation - 1}×` : ''}` : '');
  const counts = model.counts();
  const chips = STATES.filter((state) => counts.has(state)).map((state) => `${state} ${counts.get(state)}`);
  if (by('counts').dataset.shown !== chips.join()) {
    by('counts').dataset.shown = chips.join();
    by('counts').replaceChildren(...chips.map((chip) => {
      const [state, count] = chip.split(' ');
      return el('li', {'data-tone': toneOfState(state)}, el('strong', {}, count), ` ${state}`);
    }));
  }
  const bad = (counts.get('failed') ?? 0) + (counts.get('backoff') ?? 0);
  document.title = `${bad ? `(${bad}) ` : ''}${name ?? 'duende'} · duende`;
  tree.update(now);
  tree.markSelected('daemon', selected);
  by('empty').hidden = tree.shown.some((row) => row.kind === 'daemon') || link.node === 'connecting';
  setText(by('empty'), tree.filter ? 'No daemon matches the filter.' : 'No daemons: add some with duende apply -f FILE or duende run.');
  detail.update(now);
  timeline.update(now);
  drawnAt = performance.now();
  drawingTook = Math.min(300, drawnAt - began);
}

/** At most one frame for however many events, and where drawing takes long no more than a quarter of the time. */
let waiting = false;
let drawnAt = 0;
let drawingTook = 0;
function drawSoon() {
  if (waiting) return;
  waiting = true;
  setTimeout(() => requestAnimationFrame(() => {
    waiting = false;
    draw();
  }), Math.max(0, drawnAt + 3 * drawingTook - performance.now()));
}

function select(kind, name) {
  if (kind !== 'daemon' || !model.daemons.has(name)) return;
  selected = name;
  history.replaceState(null, '', `#${encodeURIComponent(name)}`);
  const row = tree.find('daemon', name);
  if (row) tree.activate(row, false);
  timeline.select(name);
  detail.open(name);
  document.body.dataset.detail = 'open';
  drawSoon();
}

function closeDetail() {
  if (!selected) return;
  const row = tree.find('daemon', selected);
  selected = null;
  history.replaceState(null, '', location.pathname + location.search);
  detail.close();
  timeline.select(null);
  delete document.body.dataset.detail;
  if (row) tree.activate(row, true);
  drawSoon();
}

function toggle(name) {
  if (!tree.collapsed.delete(name)) tree.collapsed.add(name);
  draw();
}

/** `verb`: of a daemon, or roll and scale of all instances of its name. */
async function ask(verb, name) {
  if (!name) return;
  const group = model.daemons.get(name)?.instance_of ?? name;
  const all = verb === 'roll' || verb === 'scale';
  const answer = all ? await confirmForAll(verb, group, model.instancesOf(group)) : await confirmAction(verb, name);
  if (!answer) return;
  try {
    lookSoon();
    if (all) {
      toast(`${group}: ${verb === 'roll' ? 'rolling restart' : `${answer} instances`} asked for`);
      const done = await actOnAll(verb, group, answer);
      toast(verb === 'roll' ? `${group}: ${done.replaced.length} replaced` : `${group}: scaled to ${answer}`, 'good');
      lookSoon();
      return;
    }
    const daemon = await act(verb, name);
    if (daemon.state === 'failed') toast(`${name}: it failed: ${daemon.last_exit?.text ?? daemon.status_text}`, 'bad');
    else toast(`${name}: ${daemon.state}`, 'good');
  } catch (error) {
    toast(`Cannot ${verb === 'roll' ? 'restart' : verb} ${all ? group : name}: ${error.message}`, 'bad');
  }
  lookSoon();
}

function onRowKey(event, row) {
  const verb = {r: 'restart', s: 'stop', a: 'start', R: 'roll', '+': 'scale'}[event.key];
  if (row.kind !== 'daemon' || (!verb && event.key !== 'l')) return;
  event.preventDefault();
  if (verb) {
    ask(verb, row.name);
  } else {
    select('daemon', row.name);
    detail.showLog();
  }
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  const typing = event.target.matches('input');
  if (event.key === 'Escape') {
    if (typing && event.target.value) {
      event.target.value = '';
      event.target.dispatchEvent(new Event('input'));
    } else if (typing) {
      tree.focus();
    } else {
      closeDetail();
    }
  } else if (!typing && event.key === '/') {
    event.preventDefault();
    by('filter').focus();
  } else if (!typing && event.key === '?') {
    showKeys();
  } else if (['ArrowDown', 'ArrowUp', 'j', 'k'].includes(event.key) && event.target === document.body) {
    event.preventDefault();
    tree.focus();
  }
});
by('filter').addEventListener('input', (event) => {
  tree.filter = event.target.value;
  draw();
});
by('filter').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' || event.key === 'ArrowDown') tree.shown[0] && tree.activate(tree.shown[0], true);
});
by('help').addEventListener('click', () => showKeys());
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  tree.focus();
});
onUnauthorized(askForToken);

const hidden = () => document.visibilityState === 'hidden';
function lookSoon() {
  soon?.();
}

async function look() {
  const [node, shape, daemons] = await Promise.all([getJson('v1/node'), getJson('v1/tree'), getJson('v1/daemons')]);
  model.node = node;
  model.takeTree(shape);
  model.takeDaemons(daemons, Date.now());
}

/** The events until now, once; then what comes. After a break it goes on where it was. */
async function beginEvents() {
  const past = await getJson('v1/events?limit=500&since=24h');
  past.forEach((event) => model.takeEvent(event));
  if (!past.length) (await getJson('v1/events?limit=1')).forEach((event) => model.takeEvent(event));
  stream = followEvents(() => model.lastId, (event) => {
    if (!model.takeEvent(event)) return;
    drawSoon();
    lookSoon();
  }, async (state) => {
    link.events = state;
    showLink();
    if (state !== 'live') return;
    const newest = await getJson('v1/events?limit=1').catch(() => []);
    if (newest.length && newest[0].id < model.lastId) { // another history: from its beginning
      model.forgetEvents();
      stream.again();
    }
  });
}

/** Sleeps until it is time, something happened, or the page is looked at again; never shorter than `least`. */
function pause(least, most) {
  return new Promise((resolve) => {
    const began = performance.now();
    let timer = setTimeout(finish, most);
    function finish() {
      clearTimeout(timer);
      soon = null;
      document.removeEventListener('visibilitychange', onVisible);
      resolve();
    }
    function hurry() {
      clearTimeout(timer);
      timer = setTimeout(finish, Math.max(0, least - (performance.now() - began)));
    }
    function onVisible() {
      if (!hidden()) hurry();
    }
    soon = hurry;
    document.addEventListener('visibilitychange', onVisible);
  });
}

async function run() {
  for (;;) {
    while (hidden()) await pause(0, 3600000);
    const began = performance.now();
    let wait = PAUSE;
    try {
      await look();
      if (!stream) await beginEvents();
      failures = 0;
      link.node = 'live';
      wait = Math.max(PAUSE, (performance.now() - began) * SHARE);
    } catch (error) {
      failures += 1;
      link.node = 'lost';
      wait = Math.min(LONGEST_PAUSE, PAUSE * 1.5 ** failures) * (0.75 + Math.random() / 2);
      if (error instanceof ApiError && error.status !== 503 && failures === 1) toast(error.message, 'bad');
    }
    showLink();
    draw();
    const wanted = decodeURIComponent(location.hash.slice(1));
    if (wanted && wanted !== selected) select('daemon', wanted);
    await pause(failures ? wait : Math.min(wait, 400), Math.min(wait, failures ? LONGEST_PAUSE : LONGEST_STEP));
  }
}

run();
