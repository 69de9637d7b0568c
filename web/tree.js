// The table of supervisors and daemons. Of many rows only those in sight are in the document: a thousand cost no more than fifty.
import {el, setAttribute} from './dom.js';
import {Row} from './row.js';

const ALL_ROWS = 150; // so many may all be in the document
const MARGIN = 10; // rows kept ready above and below what is in sight

const same = (a, b) => a !== null && b !== null && a.kind === b.kind && a.name === b.name;
const keyOf = ({kind, name}) => `${kind} ${name}`;

export class Tree {
  /** `handlers`: select(kind, name), toggle(name), key(event, row). What is shown are {kind, name, level, parent} of the model. */
  constructor(body, model, handlers) {
    Object.assign(this, {body, model, handlers});
    this.scroller = body.closest('.tree-panel');
    this.rows = new Map(); // those in the document
    this.gaps = [];
    this.shown = [];
    this.active = null;
    this.selected = null;
    this.collapsed = new Set();
    this.filter = '';
    this.rowHeight = 35;
    this.room = 800;
    new ResizeObserver(([entry]) => {
      this.room = entry.contentRect.height;
      this.measured = false;
      this.placeSoon();
    }).observe(this.scroller);
    this.scroller.addEventListener('scroll', () => this.placeSoon(), {passive: true});
    body.addEventListener('keydown', (event) => this.onKey(event));
    body.addEventListener('focusin', (event) => {
      const row = event.target.closest('tr')?.row;
      if (row) this.activate(row, false);
    });
  }

  update(now) {
    this.now = now;
    this.shown = this.model.rows(this.collapsed, this.filter);
    const longest = this.shown.reduce((most, {name, level}) => Math.max(most, name.length + level * 2), 0);
    if (this.longest !== longest) this.body.style.setProperty('--longest', this.longest = longest);
    setAttribute(this.body.parentElement, 'aria-rowcount', this.shown.length + 1);
    if (this.active && this.indexOf(this.active) < 0) {
      this.lostFocus ||= this.body.contains(document.activeElement) && this.rows.get(keyOf(this.active))?.element.contains(document.activeElement);
      this.active = null;
    }
    this.place();
    if (!this.active && this.shown.length) this.activate(this.shown[0], this.lostFocus);
    this.lostFocus = false;
  }

  /** Rows in sight, as a range of `shown`. */
  inSight(top) {
    const first = Math.floor(top / this.rowHeight) - MARGIN;
    return [Math.max(0, first), Math.min(this.shown.length, first + Math.ceil(this.room / this.rowHeight) + 2 * MARGIN)];
  }

  placeSoon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (this.now && this.shown.length > ALL_ROWS) this.place();
    });
  }

  /** Puts into the document what is in sight and the active row, which may have the focus; gaps stand for the others. */
  place() {
    const top = this.scroller.scrollTop;
    const [from, to] = this.inSight(top);
    const wanted = [];
    if (this.shown.length <= ALL_ROWS) {
      for (let i = 0; i < this.shown.length; i += 1) wanted.push(i);
    } else {
      for (let i = from; i < to; i += 1) wanted.push(i);
      const active = this.active ? this.indexOf(this.active) : -1;
      if (active >= 0 && active < from) wanted.unshift(active);
      if (active >= to) wanted.push(active);
    }
    const alive = new Set(wanted.map((i) => keyOf(this.shown[i])));
    for (const gap of this.gaps.splice(0)) gap.remove(); // first: a row that is moved in the document loses the focus
    for (const [key, row] of this.rows) {
      if (alive.has(key)) continue;
      row.element.remove();
      this.rows.delete(key);
    }
    let before = null;
    let expected = 0;
    const put = (element) => {
      const next = before ? before.nextSibling : this.body.firstChild;
      if (next !== element) this.body.insertBefore(element, next);
      before = element;
    };
    const skip = (count) => {
      const gap = el('tr', {'aria-hidden': 'true', class: 'gap'}, el('td', {colspan: 8}));
      gap.firstChild.style.height = `${count * this.rowHeight}px`;
      put(gap);
      this.gaps.push(gap);
    };
    for (const i of wanted) {
      if (i > expected) skip(i - expected);
      expected = i + 1;
      put(this.draw(this.shown[i], i, i >= from && i < to).element);
    }
    if (expected < this.shown.length) skip(this.shown.length - expected);
    if (!this.measured && wanted.length > 1) {
      this.measured = true;
      this.rowHeight = this.rows.get(keyOf(this.shown[wanted[1]])).element.getBoundingClientRect().height || this.rowHeight;
    }
    // A layout while rows were missing would have moved what is in sight.
    if (this.gaps.length && this.scroller.scrollTop !== top) this.scroller.scrollTop = top;
  }

  draw(each, index, visible) {
    const key = keyOf(each);
    let row = this.rows.get(key);
    if (!row) {
      row = new Row(each, this.handlers);
      this.rows.set(key, row);
    }
    row.element.row = each;
    row.place(each, !this.collapsed.has(each.name) || this.filter !== '');
    setAttribute(row.element, 'aria-rowindex', index + 2);
    setAttribute(row.element, 'aria-selected', String(same(each, this.selected)));
    row.element.tabIndex = same(each, this.active) ? 0 : -1;
    if (each.kind === 'supervisor') row.showSupervisor(this.model.supervisors.get(each.name));
    else if (this.model.daemons.has(each.name)) row.showDaemon(this.model.daemons.get(each.name), this.model.samples.get(each.name), this.now, visible);
    return row;
  }

  indexOf(row) {
    return this.shown.findIndex((each) => same(each, row));
  }

  /** Rows that a page is. */
  page() {
    return Math.max(1, Math.floor(this.room / this.rowHeight) - 2);
  }

  activate(row, focus) {
    const before = this.active && this.rows.get(keyOf(this.active));
    if (before) before.element.tabIndex = -1;
    this.active = row;
    if (!this.rows.has(keyOf(row))) this.place();
    const shown = this.rows.get(keyOf(row));
    if (!shown) return;
    shown.element.tabIndex = 0;
    if (!focus) return;
    shown.element.focus({preventScroll: true});
    shown.element.scrollIntoView({block: 'nearest'});
  }

  /** To the row that keys act on. */
  focus() {
    if (this.active) this.activate(this.active, true);
  }

  markSelected(kind, name) {
    this.selected = name === null ? null : {kind, name};
    for (const row of this.rows.values()) setAttribute(row.element, 'aria-selected', String(same(row, this.selected)));
  }

  find(kind, name) {
    return this.shown.find((each) => each.kind === kind && each.name === name);
  }

  onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || !this.active) return;
    const row = this.active;
    const at = this.indexOf(row);
    const go = (index) => this.activate(this.shown[Math.min(this.shown.length - 1, Math.max(0, index))], true);
    const open = row.kind === 'supervisor' && !this.collapsed.has(row.name);
    switch (event.key) {
      case 'ArrowDown': case 'j': go(at + 1); break;
      case 'ArrowUp': case 'k': go(at - 1); break;
      case 'PageDown': go(at + this.page()); break;
      case 'PageUp': go(at - this.page()); break;
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
