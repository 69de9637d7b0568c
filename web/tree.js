// The table of supervisors and daemons: rows are made once and then only touched where something changed.
import {Sparkline} from './charts.js';
import {el, setAttribute, setText} from './dom.js';
import {bytes, percent, span, toneOfState} from './format.js';
import {health, note} from './model.js';

const SPARK_SPAN = 120000;

class Row {
  constructor({kind, name}, handlers) {
    this.name = name;
    this.kind = kind;
    const cell = (css, ...children) => el('td', {role: 'gridcell', class: css}, ...children);
    this.twist = el('span', {class: 'twist', 'aria-hidden': 'true'});
    this.state = el('span', {class: 'state'});
    this.health = el('span', {class: 'health'});
    this.restarts = cell('number');
    this.uptime = cell('number');
    this.note = cell('note');
    this.element = el('tr', {role: 'row', tabindex: -1, class: kind, 'data-name': name},
      cell('name', this.twist, el('span', {class: 'label'}, name)), cell('', this.state), cell('', this.health));
    if (kind === 'daemon') {
      this.cpu = {spark: new Sparkline('cpu'), text: el('span', {class: 'value'})};
      this.memory = {spark: new Sparkline('memory'), text: el('span', {class: 'value'})};
      for (const {spark, text} of [this.cpu, this.memory]) {
        this.element.append(cell('figure', el('div', {class: 'figure-box'}, spark.element, text)));
      }
      this.element.append(this.restarts, this.uptime, this.note);
    } else {
      this.strategy = el('td', {role: 'gridcell', class: 'strategy', colspan: 2});
      this.element.append(this.strategy, this.restarts, this.uptime, this.note);
      this.twist.addEventListener('click', (event) => {
        event.stopPropagation();
        handlers.toggle(name);
      });
    }
    this.element.addEventListener('click', () => handlers.select(kind, name));
    this.element.addEventListener('dblclick', () => kind === 'supervisor' && handlers.toggle(name));
    this.visible = true;
  }

  place({level}, open) {
    setAttribute(this.element, 'aria-level', level);
    this.element.style.setProperty('--level', level - 1);
    if (this.kind === 'supervisor') setAttribute(this.element, 'aria-expanded', String(open));
  }

  showState(state) {
    setText(this.state, state);
    setAttribute(this.state, 'data-tone', toneOfState(state));
    setAttribute(this.element, 'data-state', state);
  }

  showSupervisor(supervisor) {
    const {intensity} = supervisor;
    this.showState(supervisor.state);
    setText(this.strategy, `${supervisor.strategy}, ${intensity.restarts} in ${intensity.window_seconds} s`);
    setText(this.restarts, String(supervisor.restarts));
    setText(this.note, supervisor.escalations ? `${supervisor.escalations} escalations` : '');
  }

  showDaemon(daemon, samples, now) {
    this.showState(daemon.state);
    setText(this.health, health(daemon));
    setAttribute(this.health, 'data-health', health(daemon));
    setText(this.restarts, String(daemon.restarts));
    setAttribute(this.restarts, 'data-some', daemon.restarts > 0);
    setText(this.uptime, daemon.pid === null && daemon.state !== 'running' ? '–' : span(daemon.uptime_seconds));
    setText(this.note, note(daemon));
    setAttribute(this.note, 'title', note(daemon));
    const cpu = samples?.lastCpu() ?? NaN;
    setText(this.cpu.text, percent(Number.isNaN(cpu) && daemon.pid !== null ? daemon.cpu_percent : cpu));
    setText(this.memory.text, bytes(daemon.memory_bytes));
    if (!this.visible || !samples) return;
    this.cpu.spark.update(samples.time, samples.cpu, now - SPARK_SPAN, now, 5);
    this.memory.spark.update(samples.time, samples.memory, now - SPARK_SPAN, now, 1 << 20);
  }
}

export class Tree {
  /** `handlers`: select(kind, name), toggle(name), key(event, row) */
  constructor(body, model, handlers) {
    Object.assign(this, {body, model, handlers});
    this.rows = new Map();
    this.shown = [];
    this.active = null;
    this.collapsed = new Set();
    this.filter = '';
    this.seen = new IntersectionObserver((entries) => {
      for (const entry of entries) entry.target.row.visible = entry.isIntersecting;
    }, {rootMargin: '200px'});
    body.addEventListener('keydown', (event) => this.onKey(event));
    body.addEventListener('focusin', (event) => {
      const row = event.target.closest('tr')?.row;
      if (row) this.activate(row, false);
    });
  }

  update(now) {
    const wanted = this.model.rows(this.collapsed, this.filter);
    const alive = new Set(wanted.map((each) => `${each.kind} ${each.name}`));
    this.dropOthers(alive); // first: a row that is moved in the document loses the focus
    let before = null;
    this.shown = wanted.map((each) => {
      const key = `${each.kind} ${each.name}`;
      let row = this.rows.get(key);
      if (!row) {
        row = new Row(each, this.handlers);
        row.element.row = row;
        this.rows.set(key, row);
        this.seen.observe(row.element);
      }
      row.parent = each.parent;
      row.place(each, !this.collapsed.has(each.name) || this.filter !== '');
      if (each.kind === 'supervisor') row.showSupervisor(this.model.supervisors.get(each.name));
      else if (this.model.daemons.has(each.name)) row.showDaemon(this.model.daemons.get(each.name), this.model.samples.get(each.name), now);
      const next = before ? before.nextSibling : this.body.firstChild;
      if (next !== row.element) this.body.insertBefore(row.element, next);
      before = row.element;
      return row;
    });
    if (!this.active && this.shown.length) this.activate(this.shown[0], this.lostFocus);
    this.lostFocus = false;
  }

  dropOthers(alive) {
    for (const [key, row] of this.rows) {
      if (alive.has(key)) continue;
      this.lostFocus ||= row.element.contains(document.activeElement);
      this.seen.unobserve(row.element);
      row.element.remove();
      this.rows.delete(key);
      if (this.active === row) this.active = null;
    }
  }

  activate(row, focus) {
    if (this.active && this.active !== row) this.active.element.tabIndex = -1;
    this.active = row;
    row.element.tabIndex = 0;
    if (focus) {
      row.element.focus({preventScroll: true});
      row.element.scrollIntoView({block: 'nearest'});
    }
  }

  markSelected(kind, name) {
    for (const row of this.rows.values()) setAttribute(row.element, 'aria-selected', String(row.kind === kind && row.name === name));
  }

  find(kind, name) {
    return this.rows.get(`${kind} ${name}`);
  }

  onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || !this.active) return;
    const row = this.active;
    const at = this.shown.indexOf(row);
    const go = (index) => this.activate(this.shown[Math.min(this.shown.length - 1, Math.max(0, index))], true);
    const open = row.kind === 'supervisor' && !this.collapsed.has(row.name);
    switch (event.key) {
      case 'ArrowDown': case 'j': go(at + 1); break;
      case 'ArrowUp': case 'k': go(at - 1); break;
      case 'PageDown': go(at + 10); break;
      case 'PageUp': go(at - 10); break;
      case 'Home': go(0); break;
      case 'End': go(this.shown.length - 1); break;
      case 'ArrowLeft': case 'h':
        if (open) this.handlers.toggle(row.name);
        else go(this.shown.findIndex((each) => each.kind === 'supervisor' && each.name === row.parent));
        break;
      case 'ArrowRight':
        if (row.kind !== 'supervisor') break;
        if (open) go(at + 1);
        else this.handlers.toggle(row.name);
        break;
      case ' ':
        if (row.kind === 'supervisor') this.handlers.toggle(row.name);
        else this.handlers.select(row.kind, row.name);
        break;
      case 'Enter': this.handlers.select(row.kind, row.name); break;
      default:
        this.handlers.key(event, row);
        return;
    }
    event.preventDefault();
  }
}
