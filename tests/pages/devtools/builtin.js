// WeChat's own components, each one element of the browser that behaves as far as this client needs it.

import { resolve } from './modules.js';

const MODES = {
  scaleToFill: 'fill', aspectFit: 'contain', aspectFill: 'cover',
  top: '50% 0', bottom: '50% 100%', center: '50% 50%', left: '0 50%', right: '100% 50%',
  'top left': '0 0', 'top right': '100% 0', 'bottom left': '0 100%', 'bottom right': '100% 100%',
};
const KEYBOARDS = { number: 'numeric', idcard: 'text', digit: 'decimal', nickname: 'text', text: 'text' };
/** What an <input> takes where nothing else is said. */
const MAX_LENGTH = 140;

const truthy = (value) => value !== false && value !== undefined && value !== null && value !== '' && value !== 0;

/** Tells the Mini Program of an event on this element. */
export function dispatch(element, type, detail = {}, options = {}) {
  element.__wxElement?.triggerEvent(type, detail, options);
}

/**
 * @param {object} host what the components need from the rest: `program`, `files` of the Mini Program, `report`, `device`
 * @returns {{create: (tag: string) => HTMLElement, set: (element: HTMLElement, name: string, value: unknown, owner: string) => void}}
 */
export function builtIns(host) {
  const kinds = {
    button: button(host), image: image(host), input: input(host), textarea: input(host), switch: toggle(), 'scroll-view': scroller(),
    navigator: link(host),
  };
  return {
    create(tag) {
      const element = document.createElement(tag);
      kinds[tag]?.create(element);
      return element;
    },
    set(element, name, value, owner) {
      kinds[element.localName]?.set?.[name]?.(element, value, owner);
    },
  };
}

/** `hidden` and everything ARIA, which every element takes. Returns whether it was one of them. */
export function setCommon(element, name, value) {
  if (name === 'hidden') {
    element.toggleAttribute('hidden', truthy(value));
    return true;
  }
  if (!name.startsWith('aria-')) return false;
  const attribute = name === 'aria-role' ? 'role' : name;
  if (value === undefined || value === null || value === '') element.removeAttribute(attribute);
  else element.setAttribute(attribute, String(value));
  // A picture that has a name is a picture to a screen reader too.
  if (element.localName === 'image' && name === 'aria-label' && !element.hasAttribute('role')) element.setAttribute('role', 'img');
  return true;
}

function button({ device, share }) {
  const opens = {
    async chooseAvatar(element) {
      await device.privacy('chooseAvatar');
      if (device.avatar) dispatch(element, 'chooseavatar', { avatarUrl: device.avatar });
    },
    async share(element) {
      const { id = '', dataset = {} } = element.__wxElement ?? {};
      share({ from: 'button', target: { id, dataset } });
    },
    async agreePrivacyAuthorization(element) {
      dispatch(element, 'agreeprivacyauthorization', { errMsg: 'agreePrivacyAuthorization:ok' });
    },
    async openSetting(element) {
      dispatch(element, 'opensetting', { errMsg: 'openSetting:ok', authSetting: { ...device.authSetting } });
    },
  };
  return {
    create(element) {
      element.type = 'button';
      element.addEventListener('click', () => {
        const kind = element.getAttribute('open-type') ?? '';
        for (const one of kind.split('|')) opens[one]?.(element).catch((error) => console.warn(`open-type ${one}: ${error.message ?? error}`));
      });
      const hover = (on) => {
        const names = element.getAttribute('hover-class') ?? 'button-hover';
        if (names === 'none' || (on && element.disabled)) return;
        for (const name of names.split(/\s+/).filter(Boolean)) element.__wxElement.classList.toggle(name, on);
      };
      element.addEventListener('pointerdown', () => hover(true));
      for (const end of ['pointerup', 'pointercancel', 'pointerleave']) element.addEventListener(end, () => hover(false));
    },
    set: { disabled: (element, value) => { element.disabled = truthy(value); } },
  };
}

function image({ files, report }) {
  return {
    create(element) {
      const picture = element.appendChild(new Image());
      picture.alt = '';
      picture.draggable = false;
      picture.addEventListener('load', () => dispatch(element, 'load', { width: picture.naturalWidth, height: picture.naturalHeight }));
      picture.addEventListener('error', () => {
        const source = element.getAttribute('src');
        if (!/^https?:/.test(source)) report(`no picture at ${source}`);
        dispatch(element, 'error', { errMsg: `GET ${source} 404` });
      });
    },
    set: {
      src(element, value, owner) {
        const picture = element.querySelector('img');
        if (!value) return picture.removeAttribute('src');
        picture.src = files.address(String(value), owner);
      },
      mode(element, value) {
        const { style } = element.querySelector('img');
        const kind = MODES[value];
        style.objectFit = kind?.includes(' ') ? 'none' : kind ?? 'fill';
        style.objectPosition = kind?.includes(' ') ? kind : '';
        element.style.height = value === 'widthFix' ? 'auto' : '';
        element.style.width = value === 'heightFix' ? 'auto' : '';
        style.height = value === 'widthFix' ? 'auto' : '';
        style.width = value === 'heightFix' ? 'auto' : '';
      },
    },
  };
}

function input({ device }) {
  /** A name that is refused is taken out of the field, without a word to the program. */
  const review = async (element, name) => {
    const answer = await device.review(name);
    if (!answer) return;
    if (!answer.pass && !answer.timeout && element.value === name) element.value = '';
    dispatch(element, 'nicknamereview', { ...answer });
  };
  return {
    create(element) {
      if (element.localName === 'input') element.type = 'text';
      element.maxLength = MAX_LENGTH;
      const state = () => ({ value: element.value, cursor: element.selectionStart ?? element.value.length });
      let settled = '';
      element.addEventListener('focus', () => {
        settled = element.value;
        dispatch(element, 'focus', { value: element.value, height: 0 });
      });
      element.addEventListener('input', () => {
        // A handler may answer with what the field is to hold instead.
        const handleListenerReturn = (answer) => {
          const value = typeof answer === 'object' ? answer?.value : answer;
          if (typeof value === 'string') element.value = value;
        };
        dispatch(element, 'input', state(), { handleListenerReturn });
      });
      element.addEventListener('keydown', (event) => {
        if (event.key === 'Enter' && element.localName === 'input' && !event.isComposing) dispatch(element, 'confirm', { value: element.value });
      });
      element.addEventListener('blur', () => {
        const name = element.value;
        if (element.value !== settled) dispatch(element, 'change', { value: element.value });
        dispatch(element, 'blur', state());
        if (element.dataset.kind === 'nickname') setTimeout(review, 0, element, name);
      });
    },
    set: {
      value(element, value) {
        const text = value === undefined || value === null ? '' : String(value);
        if (element.value !== text) element.value = text;
      },
      type(element, value) {
        element.dataset.kind = value;
        element.type = 'text';
        element.inputMode = KEYBOARDS[value] ?? 'text';
      },
      password: (element, value) => { element.type = truthy(value) ? 'password' : 'text'; },
      disabled: (element, value) => { element.disabled = truthy(value); },
      maxlength(element, value) {
        if (Number(value) < 0) element.removeAttribute('maxlength');
        else element.maxLength = Number(value);
      },
      focus(element, value) {
        // It has a place in the document only after the template is done.
        setTimeout(() => (truthy(value) ? element.focus() : element.blur()));
      },
    },
  };
}

function toggle() {
  const show = (element, on) => element.setAttribute('aria-checked', String(on));
  const flip = (element) => {
    if (element.getAttribute('aria-disabled') === 'true') return;
    const on = element.getAttribute('aria-checked') !== 'true';
    show(element, on);
    dispatch(element, 'change', { value: on });
  };
  return {
    create(element) {
      element.setAttribute('role', 'switch');
      element.tabIndex = 0;
      show(element, false);
      element.addEventListener('click', () => flip(element));
      element.addEventListener('keydown', (event) => {
        if (event.key !== ' ' && event.key !== 'Enter') return;
        event.preventDefault();
        element.click();
      });
    },
    set: {
      checked: (element, value) => show(element, truthy(value)),
      disabled: (element, value) => element.setAttribute('aria-disabled', String(truthy(value))),
      type: (element, value) => element.setAttribute('role', value === 'checkbox' ? 'checkbox' : 'switch'),
      color: (element, value) => element.style.setProperty('--color', value),
    },
  };
}

function scroller() {
  return {
    create(element) {
      element.addEventListener('scroll', () => {
        const { scrollTop, scrollLeft, scrollHeight, scrollWidth } = element;
        dispatch(element, 'scroll', { scrollTop, scrollLeft, scrollHeight, scrollWidth });
      });
    },
    set: {
      'scroll-x': (element, value) => { element.style.overflowX = truthy(value) ? 'auto' : ''; },
      'scroll-y': (element, value) => { element.style.overflowY = truthy(value) ? 'auto' : ''; },
      'scroll-top': (element, value) => setTimeout(() => { element.scrollTop = Number(value); }),
      'scroll-left': (element, value) => setTimeout(() => { element.scrollLeft = Number(value); }),
    },
  };
}

function link({ navigate }) {
  return {
    create(element) {
      element.setAttribute('role', 'link');
      element.tabIndex = 0;
      element.addEventListener('click', () => {
        const method = (element.getAttribute('open-type') ?? 'navigate').replace(/^(navigate|redirect)$/, '$1To');
        navigate(method, { url: element.getAttribute('url') ?? '' });
      });
      element.addEventListener('keydown', (event) => event.key === 'Enter' && element.click());
    },
  };
}

/** Addresses of the Mini Program's files for the browser; what it saved itself is in `saved`. */
export function addresses(saved) {
  return {
    address(source, owner = '') {
      if (saved.has(source)) return saved.get(source);
      if (/^(https?|data|blob):/.test(source)) return source;
      return `/files/${resolve(owner, source)}`;
    },
  };
}
