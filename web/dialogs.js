// Questions, messages and the list of keys. Native dialogs: they hold the focus, and Escape closes them.
import {by, el} from './dom.js';

/** Resolves to what `buttons` says, null for none. */
function open(title, content, buttons) {
  return new Promise((resolve) => {
    const dialog = el('dialog', {'aria-label': title}, el('form', {method: 'dialog'}, el('h2', {}, title), ...content,
      el('div', {class: 'dialog-buttons'}, ...buttons.map(({label, value, css}) => el('button', {value, class: css ?? '', autofocus: css === 'primary' || css === 'danger'}, label)))));
    dialog.addEventListener('click', (event) => {
      if (event.target === dialog) dialog.close('');
    });
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue || null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

const QUESTIONS = {
  start: (name) => [`Start ${name}?`, 'Its dependencies have to be running; else it waits for them.', 'Start', 'primary'],
  stop: (name) => [`Stop ${name}?`, 'It stays down until somebody starts it. What depends on it has to do without.', 'Stop', 'danger'],
  restart: (name) => [`Restart ${name}?`, 'It is stopped and started again; the count of restarts does not change by it.', 'Restart', 'danger'],
  pause: (name) => [`Pause ${name}?`, 'Its processes are frozen until it is resumed.', 'Pause', 'danger'],
  resume: (name) => [`Resume ${name}?`, 'Its processes go on where they were.', 'Resume', 'primary'],
  reload: (name) => [`Reload ${name}?`, 'It is asked to read its configuration again.', 'Reload', 'primary'],
};

export async function confirmAction(verb, name) {
  const [title, text, label, css] = QUESTIONS[verb](name);
  const answer = await open(title, [el('p', {}, text)], [{label: 'Cancel', value: ''}, {label, value: 'yes', css}]);
  return answer === 'yes';
}

let asking = null;
/** One question at a time, however many requests were refused. */
export function askForToken() {
  asking ??= (async () => {
    const input = el('input', {type: 'password', autocomplete: 'off', 'aria-label': 'Token', autofocus: true});
    const answer = await open('This node wants a token', [el('p', {}, 'It is kept for this tab only.'), input],
      [{label: 'Cancel', value: ''}, {label: 'Go on', value: 'yes', css: 'primary'}]);
    asking = null;
    return answer === 'yes' && input.value ? input.value : null;
  })();
  return asking;
}

const KEYS = [
  ['↑ ↓  j k', 'move'], ['← →', 'close and open a supervisor'], ['Enter', 'details of a daemon'], ['l', 'its log'],
  ['r', 'restart'], ['s', 'stop'], ['a', 'start'], ['/', 'filter'], ['Esc', 'close, clear the filter'], ['?', 'this list'],
];

export function showKeys() {
  return open('Keys', [el('dl', {class: 'keys'}, ...KEYS.flatMap(([key, text]) => [el('dt', {}, ...key.split(' ').filter(Boolean).map((each) => el('kbd', {}, each))), el('dd', {}, text)]))],
    [{label: 'Close', value: '', css: 'primary'}]);
}

export function toast(text, tone = 'calm') {
  const box = by('toasts');
  const message = el('div', {class: `toast ${tone}`}, text);
  box.append(message);
  while (box.childElementCount > 5) box.firstChild.remove();
  setTimeout(() => message.remove(), tone === 'bad' ? 12000 : 5000);
}
