// What happened: a strip of the last minutes, and the list below it, newest first.
import {by, el, setAttribute, setText, svg} from './dom.js';
import {clock, plain, span, toneOfKind} from './format.js';

const LISTED = 200;
const WIDTH = 1000;
const HEIGHT = 34;
const FILTERS = {
  all: () => true,
  problems: (event) => ['bad', 'warn'].includes(toneOfKind(event.kind)),
  selected: (event, name) => event.daemon === name,
};

export function eventRow(event, onSelect) {
  const name = event.daemon || event.supervisor;
  return el('li', {class: toneOfKind(event.kind)},
    el('time', {datetime: event.at, title: event.at}, clock(event.at)),
    el('span', {class: 'kind'}, event.kind),
    event.daemon ? el('button', {type: 'button', class: 'link-button', onclick: () => onSelect(event.daemon)}, event.daemon) : el('span', {class: 'quiet'}, name || 'node'),
    el('span', {class: 'text'}, plain(event.text)));
}

export class Timeline {
  constructor(model, onSelect) {
    Object.assign(this, {model, onSelect, filter: 'all', selected: null, drawn: null});
    this.list = by('events');
    this.plot = svg('svg', {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img'});
    this.from = el('span');
    by('strip').append(this.plot, el('div', {class: 'axis'}, this.from, el('span', {}, 'now')));
    this.buttons = ['all', 'problems', 'selected'].map((name) => el('button', {
      type: 'button', class: 'chip', 'aria-pressed': String(name === this.filter), onclick: () => this.choose(name),
    }, name === 'all' ? 'All' : name === 'problems' ? 'Problems' : 'Selected daemon'));
    by('kinds').append(...this.buttons);
  }

  choose(name) {
    this.filter = name;
    this.buttons.forEach((button, i) => setAttribute(button, 'aria-pressed', String(['all', 'problems', 'selected'][i] === name)));
    this.drawn = null;
    this.update(Date.now());
  }

  select(name) {
    this.selected = name;
    if (this.filter === 'selected') this.drawn = null;
  }

  update(now) {
    const wanted = this.model.events.filter((event) => FILTERS[this.filter](event, this.selected));
    this.drawStrip(wanted, now);
    const newest = `${wanted.length} ${wanted.at(-1)?.id}`;
    if (this.drawn === newest) return;
    const last = Number(this.drawn?.split(' ')[1]);
    const fresh = wanted.filter((event) => !(event.id <= last)).slice(-LISTED).reverse().map((event) => eventRow(event, this.onSelect));
    if (this.drawn === null) this.list.replaceChildren(...fresh);
    else this.list.prepend(...fresh);
    while (this.list.childElementCount > LISTED) this.list.lastChild.remove();
    this.drawn = newest;
  }

  drawStrip(events, now) {
    const oldest = events.length ? Date.parse(events[0].at) : now;
    const reach = [60, 300, 900, 3600, 14400].find((seconds) => now - oldest < seconds * 1000) ?? 86400;
    const from = now - reach * 1000;
    const columns = new Map(); // one bar a column and tone
    for (const event of events) {
      const at = Date.parse(event.at);
      if (at < from) continue;
      const column = Math.floor(((at - from) / (now - from)) * 125);
      const slot = columns.get(column) ?? {};
      const tone = toneOfKind(event.kind);
      slot[tone] = (slot[tone] ?? 0) + 1;
      columns.set(column, slot);
    }
    const bars = [];
    for (const [column, slot] of columns) {
      let y = HEIGHT;
      const all = Object.values(slot).reduce((sum, count) => sum + count, 0);
      const scale = Math.min(4, (HEIGHT - 2) / all);
      for (const tone of ['calm', 'good', 'warn', 'bad']) {
        if (!slot[tone]) continue;
        const height = Math.max(2, slot[tone] * scale);
        y -= height;
        bars.push(svg('rect', {class: `bar ${tone}`, x: column * 8 + 1, y, width: 6, height}));
      }
    }
    this.plot.replaceChildren(...bars);
    setText(this.from, clock(from));
    setText(by('span'), `last ${span(reach)}`);
    setAttribute(this.plot, 'aria-label', `${events.length} events, of which ${events.filter(FILTERS.problems).length} problems`);
  }
}
