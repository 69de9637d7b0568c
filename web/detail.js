// Everything about the selected daemon: what it is, what can be done, charts, its log and its events.
import {getJson} from './api.js';
import {Chart} from './charts.js';
import {el, setAttribute, setText} from './dom.js';
import {bytes, clock, moment, percent, span, toneOfState} from './format.js';
import {LogView} from './logs.js';
import {health, note} from './model.js';
import {eventRow} from './timeline.js';

const SPANS = [['1 m', 60], ['5 m', 300], ['15 m', 900], ['1 h', 3600]];
const BUCKETS = 60;
const VERBS = ['start', 'stop', 'restart', 'pause', 'resume', 'roll', 'scale'];
const LABELS = {roll: 'Rolling restart', scale: 'Scale…'};
const POSSIBLE = {
  start: ['created', 'stopped', 'failed', 'backoff'],
  stop: ['starting', 'running', 'paused', 'backoff'],
  restart: ['starting', 'running', 'paused', 'backoff', 'failed', 'stopped'],
  pause: ['running'],
  resume: ['paused'],
};
const FACTS = ['pid', 'uptime', 'health', 'life', 'supervisor', 'backend', 'wanted', 'started', 'last exit', 'log files'];
const MARKED = ['exit', 'restart', 'give_up', 'running', 'paused', 'resumed', 'health'];

export class Detail {
  /** `handlers`: act(verb, name), close(), select(name) */
  constructor(element, model, handlers) {
    Object.assign(this, {element, model, handlers, name: null, seconds: 300, past: []});
    this.title = el('h2', {id: 'detail-title'});
    this.state = el('span', {class: 'state'});
    this.about = el('p', {class: 'about'});
    this.buttons = VERBS.map((verb) => el('button', {
      type: 'button', 'data-verb': verb, class: verb === 'stop' ? 'danger' : '', onclick: () => handlers.act(verb, this.name),
    }, LABELS[verb] ?? verb[0].toUpperCase() + verb.slice(1)));
    this.facts = Object.fromEntries(FACTS.map((name) => [name, el('dd')]));
    this.charts = {
      cpu: new Chart({title: 'CPU', tone: 'cpu', format: percent, least: 5}),
      memory: new Chart({title: 'Memory', tone: 'memory', format: bytes, least: 1 << 20, binary: true}),
      restarts: new Chart({title: 'Restarts', tone: 'restarts', format: (value) => String(Math.round(value)), least: 2, bars: true}),
    };
    this.spans = SPANS.map(([label, seconds]) => el('button', {
      type: 'button', class: 'chip', 'aria-pressed': String(seconds === this.seconds), onclick: () => this.chooseSpan(seconds),
    }, label));
    this.log = new LogView();
    this.events = el('ol', {class: 'event-list', tabindex: 0, 'aria-label': 'Events of this daemon, newest first'});
    this.tabs = [['Log', this.log.element], ['Events', this.events]].map(([label, panel], i) => {
      Object.assign(panel, {id: `tab-panel-${i}`});
      panel.setAttribute('role', 'tabpanel');
      const tab = el('button', {type: 'button', role: 'tab', id: `tab-${i}`, 'aria-controls': panel.id, onclick: () => this.chooseTab(i)}, label);
      panel.setAttribute('aria-labelledby', tab.id);
      tab.addEventListener('keydown', (event) => {
        if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
        this.chooseTab(1 - i);
        this.tabs[1 - i].tab.focus();
      });
      return {tab, panel};
    });
    element.append(
      el('div', {class: 'panel-head'}, this.title, this.state,
        el('button', {type: 'button', class: 'icon close', 'aria-label': 'Close', title: 'Close (Esc)', onclick: () => handlers.close()}, '×')),
      this.about,
      el('div', {class: 'actions', role: 'group', 'aria-label': 'Actions'}, ...this.buttons),
      el('div', {class: 'charts'}, el('div', {class: 'chips', role: 'group', 'aria-label': 'Time shown'}, ...this.spans),
        this.charts.cpu.element, this.charts.memory.element, this.charts.restarts.element),
      el('dl', {class: 'facts'}, ...FACTS.map((name) => el('div', {'data-fact': name}, el('dt', {}, name), this.facts[name]))),
      el('div', {class: 'tabs', role: 'tablist'}, ...this.tabs.map(({tab}) => tab)),
      ...this.tabs.map(({panel}) => panel));
    this.chooseTab(0);
  }

  async open(name) {
    if (this.name === name) return;
    this.name = name;
    this.past = [];
    this.logDir = null;
    this.element.hidden = false;
    this.log.show(name);
    this.update(Date.now());
    try {
      const query = `v1/events?daemon=${encodeURIComponent(name)}&since=1h&limit=2000`;
      const [past, daemon] = await Promise.all([getJson(query), getJson(`v1/daemons/${encodeURIComponent(name)}`)]);
      if (this.name !== name) return;
      this.past = past;
      this.logDir = daemon.logs?.dir;
      this.update(Date.now());
    } catch { /* the page says already that the node does not answer */ }
  }

  close() {
    this.name = null;
    this.element.hidden = true;
    this.log.hide();
  }

  showLog() {
    this.chooseTab(0);
    this.log.list.focus();
  }

  chooseSpan(seconds) {
    this.seconds = seconds;
    this.spans.forEach((button, i) => setAttribute(button, 'aria-pressed', String(SPANS[i][1] === seconds)));
    this.update(Date.now());
  }

  chooseTab(which) {
    this.tabs.forEach(({tab, panel}, i) => {
      tab.setAttribute('aria-selected', String(i === which));
      tab.tabIndex = i === which ? 0 : -1;
      panel.hidden = i !== which;
    });
    this.log.scroll();
  }

  /** Events of this daemon: the ones of the history, then the ones that came since. */
  happened() {
    const last = this.past.at(-1)?.id ?? 0;
    return [...this.past, ...this.model.events.filter((event) => event.daemon === this.name && event.id > last)];
  }

  update(now) {
    if (!this.name) return;
    const daemon = this.model.daemons.get(this.name);
    setText(this.title, this.name);
    if (!daemon) {
      setText(this.state, 'gone');
      setAttribute(this.state, 'data-tone', 'off');
      for (const button of this.buttons) button.disabled = true;
      return;
    }
    setText(this.state, daemon.state);
    setAttribute(this.state, 'data-tone', toneOfState(daemon.state));
    setText(this.about, [daemon.description, daemon.version && `version ${daemon.version}`].filter(Boolean).join(' · ') || note(daemon));
    this.buttons.forEach((button, i) => {
      button.disabled = POSSIBLE[VERBS[i]]?.includes(daemon.state) === false;
      button.hidden = (VERBS[i] === 'resume') === (daemon.state !== 'paused') && ['pause', 'resume'].includes(VERBS[i]);
    });
    const exit = daemon.last_exit;
    this.fact('pid', daemon.pid === null ? '–' : String(daemon.pid));
    this.fact('uptime', daemon.pid === null ? '–' : span(daemon.uptime_seconds));
    this.fact('health', health(daemon) || '–');
    this.fact('life', String(daemon.incarnation));
    this.fact('backend', daemon.backend);
    this.fact('supervisor', daemon.supervisor);
    this.fact('wanted', daemon.desired);
    this.fact('started', daemon.started_at ? clock(daemon.started_at) : '–');
    this.fact('last exit', exit ? `${exit.text}, ${moment(exit.at)}` : 'none');
    this.fact('log files', this.logDir ?? '–');
    this.drawCharts(now);
    this.drawEvents();
  }

  fact(name, text) {
    setText(this.facts[name], text);
    setAttribute(this.facts[name], 'title', text);
  }

  drawCharts(now) {
    const samples = this.model.samples.get(this.name);
    const from = now - this.seconds * 1000;
    const happened = this.happened();
    const marks = happened.filter(({kind}) => MARKED.includes(kind)).map(({at, kind, text}) => ({at: Date.parse(at), kind, text: `${at} ${text}`}));
    if (samples) {
      this.charts.cpu.update(samples.time, samples.cpu, from, now, marks);
      this.charts.memory.update(samples.time, samples.memory, from, now, marks);
    }
    const counts = new Array(BUCKETS).fill(0);
    const width = (now - from) / BUCKETS;
    let waiting = false; // a restart after a delay is announced by "backoff" and happens with the next "starting"
    for (const {at, kind} of happened) {
      const bucket = Math.floor((Date.parse(at) - from) / width);
      const restarted = kind === 'restart' || (kind === 'starting' && waiting);
      if (['backoff', 'starting', 'stop', 'restart'].includes(kind)) waiting = kind === 'backoff';
      if (restarted && bucket >= 0 && bucket < BUCKETS) counts[bucket] += 1;
    }
    this.charts.restarts.update(counts.map((_, i) => from + i * width), counts, from, now);
  }

  drawEvents() {
    const happened = this.happened();
    const key = `${this.name} ${happened.length} ${happened.at(-1)?.id}`;
    if (this.drawn === key) return;
    this.drawn = key;
    this.events.replaceChildren(...happened.slice(-200).reverse().map((event) => eventRow(event, this.handlers.select)));
  }
}
