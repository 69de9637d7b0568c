// Questions, messages and the list of keys. Native dialogs: they hold the focus, and Escape closes them.
import {by, el} from './dom.js';

/** Resolves to what `buttons` says, null for none. */
function open(title, content, buttons) {
  return new Promise((resolve) => {
    // What says no is no submit button: Enter in a field would press the first one.
    const button = ({label, value, css}) => el('button', {
      value, class: css ?? '', type: value ? 'submit' : 'button', onclick: () => value || dialog.close(''), autofocus: css === 'primary' || css === 'danger',
    }, label);
    const dialog = el('dialog', {'aria-label': title}, el('form', {method: 'dialog'}, el('h2', {}, title), ...content,
      el('div', {class: 'dialog-buttons'}, ...buttons.map(button))));
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

/** Of all instances of a name: resolves to true, or to the number of instances that there are to be; null for no. */
export async function confirmForAll(verb, group, present) {
  if (verb === 'roll') {
    const text = `${present === 1 ? 'Its one instance is' : `Its ${present} instances are`} replaced one after another. The first that does not get ready stops it.`;
    const answer = await open(`Rolling restart of ${group}?`, [el('p', {}, text)], [{label: 'Cancel', value: ''}, {label: 'Restart', value: 'yes', css: 'danger'}]);
    return answer === 'yes' || null;
  }
  const input = el('input', {type: 'number', min: 1, max: 1000, step: 1, value: present,  'aria-label': 'Instances', autofocus: true});
  const answer = await open(`Scale ${group}?`, [el('p', {}, `It has ${present === 1 ? 'one instance' : `${present} instances`}. The others stay as they are, until the next apply.`), input],
    [{label: 'Cancel', value: ''}, {label: 'Scale', value: 'yes', css: 'primary'}]);
  const wanted = Number(input.value);
  return answer === 'yes' && Number.isInteger(wanted) && wanted >= 1 && wanted !== present ? wanted : null;
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
  ['r', 'restart'], ['s', 'stop'], ['a', 'start'],
  ['R', 'rolling restart of all instances'], ['+', 'more or fewer instances'], ['/', 'filter'], ['Esc', 'close, clear the filter'], ['?', 'this list'],
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
