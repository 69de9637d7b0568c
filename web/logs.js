// What one daemon writes, as it comes. Bounded, and drawn once a frame however much arrives.
import {followLog} from './api.js';
import {el, setText} from './dom.js';
import {clock, plain} from './format.js';

const TAIL = 500;
const KEPT = 2000;

export class LogView {
  constructor() {
    this.list = el('div', {class: 'log', role: 'log', 'aria-live': 'off', tabindex: 0, 'aria-label': 'Log'});
    this.status = el('span', {class: 'quiet', role: 'status'});
    this.search = el('input', {type: 'search', placeholder: 'Find', 'aria-label': 'Show only lines with', oninput: () => this.redraw()});
    this.stick = el('input', {type: 'checkbox', checked: true, onchange: () => this.scroll()});
    this.element = el('div', {class: 'log-view'},
      el('div', {class: 'log-bar'}, this.search, el('label', {}, this.stick, ' follow'), this.status), this.list);
    this.lines = [];
    this.waiting = [];
    this.list.addEventListener('scroll', () => {
      const {scrollTop, scrollHeight, clientHeight} = this.list;
      if (!this.scrolling) this.stick.checked = scrollHeight - scrollTop - clientHeight < 30;
      this.scrolling = false;
    });
  }

  show(name) {
    if (this.name === name) return;
    this.hide();
    this.name = name;
    this.clear();
    setText(this.status, 'connecting');
    this.stream = followLog(name, TAIL, {
      onStart: () => this.clear(),
      onLines: (lines, skipped) => this.add(lines, skipped),
      onState: (state, error) => setText(this.status, state === 'live' ? 'live' : error?.message ?? 'broken off, trying again'),
    });
  }

  hide() {
    this.stream?.end();
    this.stream = null;
    this.name = null;
  }

  clear() {
    this.lines = [];
    this.waiting = [];
    this.list.replaceChildren();
  }

  add(lines, skipped) {
    if (skipped > 0) this.waiting.push({stream: 'note', text: `… ${skipped} lines more`});
    this.waiting.push(...lines);
    if (this.waiting.length > KEPT) this.waiting.splice(0, this.waiting.length - KEPT);
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  element_of({stream, at, text}) {
    return el('div', {class: `line ${stream}`}, at ? el('time', {datetime: at, title: at}, clock(at)) : null, el('span', {}, plain(text).slice(0, 4000)));
  }

  matches(line) {
    const wanted = this.search.value.toLowerCase();
    return !wanted || line.text.toLowerCase().includes(wanted);
  }

  draw() {
    const fresh = this.waiting;
    this.waiting = [];
    this.lines.push(...fresh);
    if (this.lines.length > KEPT) this.lines.splice(0, this.lines.length - KEPT);
    this.list.append(...fresh.filter((line) => this.matches(line)).map((line) => this.element_of(line)));
    while (this.list.childElementCount > KEPT) this.list.firstChild.remove();
    this.scroll();
  }

  redraw() {
    this.list.replaceChildren(...this.lines.filter((line) => this.matches(line)).map((line) => this.element_of(line)));
    this.scroll();
  }

  scroll() {
    if (!this.stick.checked) return;
    this.scrolling = true;
    this.list.scrollTop = this.list.scrollHeight;
  }
}
