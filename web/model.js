// What the page knows: the tree, the daemons, their samples over time and the events. No elements here.

const EVENTS_KEPT = 1000;
const SAMPLES_KEPT = 3600;
const SAMPLES_IN_ALL = 500000;

/** What an event says about the state before the next look at the node. */
const STATE_AFTER = {
  starting: 'starting', running: 'running', ready: 'running', backoff: 'backoff', give_up: 'failed',
  stop: 'stopping', paused: 'paused', resumed: 'running',
};

export class Samples {
  constructor() {
    this.time = [];
    this.cpu = [];
    this.memory = [];
    this.restarts = [];
    this.base = null; // {pid, seconds, at} of the sample before
  }

  add(now, daemon, limit) {
    let cpu = NaN;
    const {pid, cpu_seconds: seconds} = daemon;
    if (pid !== null && typeof seconds === 'number') {
      const {base} = this;
      // CPU time comes in steps of 10 ms: two looks close to each other would show noise.
      if (base && base.pid === pid && now - base.at >= 400) cpu = Math.max(0, (100000 * (seconds - base.seconds)) / (now - base.at));
      else if (base && base.pid === pid) return;
      this.base = {pid, seconds, at: now};
    } else {
      this.base = null;
    }
    this.time.push(now);
    this.cpu.push(cpu);
    this.memory.push(daemon.memory_bytes ?? NaN);
    this.restarts.push(daemon.restarts);
    if (this.time.length > limit) {
      const extra = this.time.length - Math.floor(limit * 0.9);
      for (const series of [this.time, this.cpu, this.memory, this.restarts]) series.splice(0, extra);
    }
  }

  lastCpu() {
    return this.cpu.length ? this.cpu[this.cpu.length - 1] : NaN;
  }
}

export class Model {
  constructor() {
    this.node = {};
    this.supervisors = new Map();
    this.root = null;
    this.daemons = new Map();
    this.samples = new Map();
    this.events = []; // oldest first
    this.lastId = 0;
  }

  takeTree(tree) {
    this.supervisors = new Map(tree.supervisors.map((each) => [each.name, each]));
    this.root = tree.supervisors[0]?.name ?? null;
  }

  takeDaemons(daemons, now) {
    this.daemons = new Map(daemons.map((each) => [each.name, each]));
    const limit = Math.max(60, Math.min(SAMPLES_KEPT, Math.floor(SAMPLES_IN_ALL / Math.max(1, daemons.length))));
    for (const daemon of daemons) {
      if (!this.samples.has(daemon.name)) this.samples.set(daemon.name, new Samples());
      this.samples.get(daemon.name).add(now, daemon, limit);
    }
    for (const name of this.samples.keys()) if (!this.daemons.has(name)) this.samples.delete(name);
  }

  /** False for an event that is known already. */
  takeEvent(event) {
    if (typeof event.id !== 'number' || event.id <= this.lastId) return false;
    this.lastId = event.id;
    this.events.push(event);
    if (this.events.length > EVENTS_KEPT * 1.2) this.events.splice(0, this.events.length - EVENTS_KEPT);
    const daemon = this.daemons.get(event.daemon);
    const state = STATE_AFTER[event.kind];
    if (daemon && state) Object.assign(daemon, {state, ready: state === 'running'});
    return true;
  }

  /** A history that starts anew has smaller ids: everything it says is news. */
  forgetEvents() {
    this.events = [];
    this.lastId = 0;
  }

  /** Daemons of that group, without the one that helps out during a roll-out. */
  instancesOf(group) {
    let count = 0;
    for (const {name, instance_of: of} of this.daemons.values()) if (name === group || (of === group && name !== `${group}-surge`)) count += 1;
    return count;
  }

  counts() {
    const result = new Map();
    for (const {state} of this.daemons.values()) result.set(state, (result.get(state) ?? 0) + 1);
    return result;
  }

  /** Rows in the order of the tree: {kind, name, level, parent}; what is below a collapsed one is left out. */
  rows(collapsed, filter) {
    const rows = [];
    const wanted = filter.trim().toLowerCase();
    const seen = new Set();
    const matches = (name) => {
      const daemon = this.daemons.get(name);
      return !wanted || [name, daemon?.state, daemon?.description, daemon && note(daemon)]
        .some((text) => text?.toLowerCase().includes(wanted));
    };
    const walk = (name, level, parent) => {
      const supervisor = this.supervisors.get(name);
      if (!supervisor || seen.has(name)) return false;
      seen.add(name);
      const at = rows.length;
      rows.push({kind: 'supervisor', name, level, parent});
      let any = !wanted || name.toLowerCase().includes(wanted);
      for (const child of supervisor.children) {
        if (child.kind === 'supervisor') {
          any = walk(child.name, level + 1, name) || any;
        } else if (matches(child.name)) {
          any = true;
          rows.push({kind: 'daemon', name: child.name, level: level + 1, parent: name});
        }
      }
      if (!any) rows.length = at;
      else if (collapsed.has(name) && !wanted) rows.length = at + 1;
      return any;
    };
    if (this.root) walk(this.root, 1, null);
    return rows;
  }
}

/** Why a daemon is as it is: what it waits for, or how it ended. */
export function note(daemon) {
  const parts = [];
  if (daemon.status_text) parts.push(daemon.status_text);
  if (typeof daemon.next_restart_seconds === 'number') parts.push(`restarts in ${Math.max(0, daemon.next_restart_seconds).toFixed(1)} s`);
  const told = daemon.last_exit && parts.some((part) => part.includes(daemon.last_exit.text));
  if (daemon.state !== 'running' && daemon.last_exit && !told) parts.push(daemon.last_exit.text);
  return parts.join('; ') || daemon.description || '';
}

export function health(daemon) {
  if (daemon.state !== 'running') return '';
  if (daemon.health !== 'unknown') return daemon.health;
  return daemon.ready ? 'ready' : 'not ready';
}
