// One row of the table: made once and then only touched where something changed.
import {Sparkline} from './charts.js';
import {el, setAttribute, setText} from './dom.js';
import {bytes, percent, span, toneOfState} from './format.js';
import {health, note} from './model.js';

const SPARK_SPAN = 120000;

export class Row {
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

  showDaemon(daemon, samples, now, visible) {
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
    if (!visible || !samples) return;
    this.cpu.spark.update(samples.time, samples.cpu, now - SPARK_SPAN, now, 5);
    this.memory.spark.update(samples.time, samples.memory, now - SPARK_SPAN, now, 1 << 20);
  }
}
