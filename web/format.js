// Figures as people read them.

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function bytes(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toPrecision(3)} ${UNITS[unit]}`;
}

export function percent(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  return `${value >= 10 ? Math.round(value) : value.toFixed(1)} %`;
}

/** The two largest units: "3 d 4 h", "12 m 5 s". */
export function span(seconds) {
  if (seconds === null || seconds === undefined || seconds < 0) return '–';
  const parts = [['d', 86400], ['h', 3600], ['m', 60], ['s', 1]];
  let rest = Math.floor(seconds);
  const said = [];
  for (const [unit, size] of parts) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) said.push(`${count}${unit}`);
  }
  return said.length ? said.slice(0, 2).join(' ') : '0s';
}

export function clock(time) {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? String(time) : at.toLocaleTimeString([], {hour12: false});
}

export function moment(time) {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? String(time ?? '–') : at.toLocaleString([], {hour12: false});
}

/** Terminal colours and other control sequences are of no use here. */
export function plain(text) {
  // eslint-disable-next-line no-control-regex
  return text.replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-_])/g, '')
    // eslint-disable-next-line no-control-regex
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
}

const KIND_TONES = {
  exit: 'bad', give_up: 'bad', escalation: 'bad', andon: 'bad', policy: 'bad',
  running: 'good', ready: 'good', resumed: 'good',
  backoff: 'warn', restart: 'warn', paused: 'warn', limit: 'warn', health: 'warn', breaker: 'warn',
};
export const toneOfKind = (kind) => KIND_TONES[kind] ?? 'calm';

const STATE_TONES = {running: 'good', failed: 'bad', stopped: 'off', created: 'off'};
export const toneOfState = (state) => STATE_TONES[state] ?? 'warn';
