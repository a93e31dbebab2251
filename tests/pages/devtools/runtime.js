// The browser's side: starts the Mini Program in window.program and answers the tests through window.devtools.

import css from './harness.css';
import { addresses, builtIns } from './builtin.js';
import { Device } from './device.js';
import { addGlobalErrorListener, Framework, safeCallback } from './framework.js';
import { Stack } from './stack.js';
import { createWx } from './wx.js';

const { program } = window;
const problems = [];
const report = (message) => {
  if (problems.includes(message)) return;
  problems.push(message);
  console.warn(message);
};

/** What a test may set before the start, with `addInitScript`, or later. */
const devtools = window.devtools = Object.assign({
  calls: [],
  problems,
  shares: [],
  location: { errMsg: 'getFuzzyLocation:fail auth deny' },
  avatar: 'data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path fill="teal" d="M0 0h9v9H0z"/></svg>',
  authSetting: {},
  review: { pass: true, timeout: false },
  privacyNeeded: false,
  storage: '',
  copying() {},
}, window.devtools);

let app;
const device = new Device(program, devtools);
const { wx, fire } = createWx({ program, device, devtools, stack: () => stack });
const lifecycle = (method, ...args) => app?.[method] && safeCallback(`App ${method}`, app[method], app, args);

/** Keeps what a page would share; a page without onShareAppMessage shares only its title. */
function share(options) {
  const answer = stack.tell('onShareAppMessage', options) ?? { title: document.title, path: `/${stack.top.path}` };
  devtools.shares.push(JSON.parse(JSON.stringify(answer)));
  return devtools.shares.at(-1);
}

const framework = new Framework(program, builtIns({
  device, report, share, files: addresses(device.files), navigate: (method, options) => wx[method](options),
}), {
  wx,
  App(options) {
    app = options;
  },
  getApp: () => app,
  getCurrentPages: () => stack.current,
}, report);
const stack = new Stack(program, framework, () => device.theme);

Object.assign(devtools, {
  wx,
  app: () => app,
  page: () => stack.top.caller,
  share: () => share({ from: 'menu' }),
  /** To the background, as when somebody looks at another chat; `cut` also ends the sockets, as WeChat does after 5 s. */
  hide({ cut = false } = {}) {
    stack.hideTop();
    lifecycle('onHide');
    fire('AppHide');
    if (cut) devtools.cutSockets();
  },
  show() {
    const options = device.launchOptions(stack.top.path, stack.top.caller.options);
    lifecycle('onShow', options);
    fire('AppShow', options);
    stack.showTop();
  },
  /** Returns how the program is told, where it is not told at once. */
  cutSockets({ told = true } = {}) {
    const ends = [...device.sockets].map((socket) => socket.cut());
    const tell = () => ends.splice(0).forEach((end) => end());
    if (told) tell();
    return tell;
  },
  sockets: () => device.sockets.size,
});

addGlobalErrorListener((error) => {
  const text = String(error?.stack ?? error);
  app?.onError?.call(app, text);
  fire('Error', text);
});
window.addEventListener('error', ({ error, message }) => {
  const text = String(error?.stack ?? message);
  app?.onError?.call(app, text);
  fire('Error', text);
});
window.addEventListener('unhandledrejection', ({ reason, promise }) => {
  app?.onUnhandledRejection?.call(app, { reason, promise });
  fire('UnhandledRejection', { reason, promise });
});
device.onTheme(() => {
  document.documentElement.classList.toggle('dark', device.theme === 'dark');
  stack.drawBar();
  lifecycle('onThemeChange', { theme: device.theme });
  fire('ThemeChange', { theme: device.theme });
});

const sheet = document.createElement('style');
sheet.textContent = css;
document.head.prepend(sheet);
document.documentElement.lang = navigator.language;
document.documentElement.classList.toggle('v2', program.app.style === 'v2');
document.documentElement.classList.toggle('dark', device.theme === 'dark');

framework.run('app');
if (!app) throw new Error('app.js does not call App()');
const [path, query = ''] = (location.hash.slice(2) || program.app.pages[0]).split('?');
const options = device.launch(path, query);
if (program.app.lazyCodeLoading !== 'requiredComponents') program.app.pages.forEach((page) => framework.define(page));
lifecycle('onLaunch', options);
lifecycle('onShow', options);
fire('AppShow', options);
stack.navigateTo({ url: `/${path}${query && `?${query}`}` });
