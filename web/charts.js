// Lines over time as SVG: a small one for a row, a large one with axes and a reading line for the selected daemon.
import {el, setAttribute, setText, svg} from './dom.js';
import {clock, toneOfKind} from './format.js';

const WIDTH = 600;
const HEIGHT = 100;

const finite = (values) => values.filter((value) => !Number.isNaN(value));

/** The path of a line with gaps where there is no value, and of the area below it. */
function trace(times, values, from, to, top, width, height) {
  let line = '';
  let area = '';
  let start = null;
  let last = null;
  const close = () => {
    if (start !== null) area += `L${last.toFixed(1)} ${height}L${start.toFixed(1)} ${height}Z`;
    start = null;
  };
  // More points than columns only cost: of each column the highest one is shown.
  let column = null;
  const put = () => {
    if (!column) return;
    const word = `${start === null ? 'M' : 'L'}${column.x.toFixed(1)} ${(height - (height * column.value) / top).toFixed(1)}`;
    line += word;
    area += word;
    if (start === null) start = column.x;
    last = column.x;
    column = null;
  };
  for (let i = 0; i < times.length; i += 1) {
    if (times[i] < from && times[i + 1] < from) continue;
    if (Number.isNaN(values[i])) {
      put();
      close();
      continue;
    }
    const x = (width * (times[i] - from)) / (to - from);
    if (column && Math.floor(x) === Math.floor(column.x)) {
      column.value = Math.max(column.value, values[i]);
    } else {
      put();
      column = {x, value: values[i]};
    }
  }
  put();
  close();
  return {line, area};
}

/** The next round figure above: 1, 2 or 5 times a power of ten (or of 1024). */
function roundUp(value, binary) {
  if (value <= 0) return 1;
  const base = binary ? 1024 ** Math.floor(Math.log(value) / Math.log(1024)) : 1;
  const rest = value / base;
  const power = 10 ** Math.floor(Math.log10(rest));
  return base * power * [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((step) => step * power >= rest);
}

export class Sparkline {
  constructor(tone) {
    this.line = svg('path', {class: 'spark-line'});
    this.area = svg('path', {class: 'spark-area'});
    this.element = svg('svg', {class: `spark ${tone}`, viewBox: '0 0 80 20', preserveAspectRatio: 'none', 'aria-hidden': 'true'},
      this.area, this.line);
  }

  update(times, values, from, to, least) {
    const top = Math.max(least, ...finite(values.slice(-240))) * 1.1;
    const {line, area} = trace(times, values, from, to, top, 80, 20);
    setAttribute(this.line, 'd', line);
    setAttribute(this.area, 'd', area);
  }
}

export class Chart {
  constructor({title, tone, format, least = 1, binary = false, bars = false}) {
    Object.assign(this, {title, format, least, binary, bars});
    this.line = svg('path', {class: 'chart-line'});
    this.area = svg('path', {class: 'chart-area'});
    this.marks = svg('g', {class: 'marks'});
    this.reading = svg('line', {class: 'reading', y1: 0, y2: HEIGHT, visibility: 'hidden'});
    const grid = [0.25, 0.5, 0.75].map((part) => svg('line', {class: 'grid', x1: 0, x2: WIDTH, y1: HEIGHT * part, y2: HEIGHT * part}));
    this.plot = svg('svg', {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', tabindex: 0},
      ...grid, this.marks, this.area, this.line, this.reading);
    this.value = el('output', {class: 'chart-value'});
    this.top = el('span', {class: 'chart-top'});
    this.from = el('span');
    this.to = el('span', {}, 'now');
    this.element = el('figure', {class: `chart ${tone}`},
      el('figcaption', {}, el('span', {}, title), this.value),
      el('div', {class: 'plot'}, this.plot, this.top),
      el('div', {class: 'axis'}, this.from, this.to));
    this.plot.addEventListener('pointermove', (event) => {
      const box = this.plot.getBoundingClientRect();
      this.read((event.clientX - box.left) / box.width);
    });
    this.plot.addEventListener('pointerleave', () => this.read(null));
    this.plot.addEventListener('blur', () => this.read(null));
    this.plot.addEventListener('keydown', (event) => {
      const step = {ArrowLeft: -0.02, ArrowRight: 0.02}[event.key];
      if (!step) return;
      event.preventDefault();
      this.read(Math.min(1, Math.max(0, (this.at ?? 1) + step)));
    });
  }

  /** `marks`: [{at, kind, text}] */
  update(times, values, from, to, marks = []) {
    Object.assign(this, {times, values, span: {from, to}});
    const shown = [];
    for (let i = times.length - 1; i >= 0 && times[i] >= from; i -= 1) if (!Number.isNaN(values[i])) shown.push(values[i]);
    const highest = Math.max(0, ...shown);
    const top = roundUp(Math.max(highest * 1.05, this.least), this.binary);
    if (this.bars) {
      let d = '';
      const width = WIDTH / values.length;
      values.forEach((value, i) => {
        if (value > 0) d += `M${(i * width + width * 0.12).toFixed(1)} ${HEIGHT}v${(-(HEIGHT * value) / top).toFixed(1)}h${(width * 0.76).toFixed(1)}V${HEIGHT}Z`;
      });
      setAttribute(this.area, 'd', d);
    } else {
      const {line, area} = trace(times, values, from, to, top, WIDTH, HEIGHT);
      setAttribute(this.line, 'd', line);
      setAttribute(this.area, 'd', area);
    }
    this.marks.replaceChildren(...marks.filter(({at}) => at >= from && at <= to).slice(-200).map(({at, kind, text}) => {
      const x = (WIDTH * (at - from)) / (to - from);
      return svg('line', {class: `mark ${toneOfKind(kind)}`, x1: x, x2: x, y1: 0, y2: HEIGHT}, svg('title', {}, text));
    }));
    setText(this.top, this.format(top));
    setText(this.from, clock(from));
    this.summary = this.bars ? `${shown.reduce((sum, value) => sum + value, 0)}` : this.format(shown[0] ?? NaN);
    setAttribute(this.plot, 'aria-label', this.bars
      ? `${this.title}: ${this.summary} since ${clock(from)}`
      : `${this.title}: now ${this.summary}, at most ${this.format(highest)} since ${clock(from)}`);
    this.read(this.at ?? null);
  }

  read(at) {
    this.at = at;
    this.reading.setAttribute('visibility', at === null ? 'hidden' : 'visible');
    if (at === null || !this.times?.length) {
      setText(this.value, this.summary ?? '');
      return;
    }
    const time = this.span.from + at * (this.span.to - this.span.from);
    let best = 0;
    for (let i = 0; i < this.times.length; i += 1) {
      const closer = this.bars ? this.times[i] <= time : Math.abs(this.times[i] - time) < Math.abs(this.times[best] - time);
      if (closer) best = i;
    }
    this.reading.setAttribute('x1', at * WIDTH);
    this.reading.setAttribute('x2', at * WIDTH);
    setText(this.value, `${this.bars ? this.values[best] : this.format(this.values[best])} at ${clock(this.times[best])}`);
  }
}
