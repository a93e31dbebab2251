// The stack of pages, the bar above them, and the styles of whichever page is seen.

import { safeCallback } from './framework.js';
import { resolve } from './modules.js';

/** WeChat's own limit. */
const DEPTH = 10;
const part = (name) => document.getElementById(`devtools-${name}`);

const parse = (query) => Object.fromEntries(query.split('&').filter(Boolean).map((pair) => {
  const [key, ...value] = pair.split('=');
  return [key, decodeURIComponent(value.join('='))];
}));

function style(css) {
  const element = document.createElement('style');
  element.textContent = css;
  return document.head.appendChild(element);
}

export class Stack {
  #program;
  #framework;
  #theme;
  #pages = [];

  constructor(program, framework, theme) {
    this.#program = program;
    this.#framework = framework;
    this.#theme = theme;
    if (program.styles.app) style(program.styles.app);
    for (const [path, config] of Object.entries(program.configs)) {
      if (!config.isPage && program.styles[path]) style(program.styles[path]);
    }
    part('back').addEventListener('click', () => this.navigateBack({}));
  }

  /** The pages as `getCurrentPages` gives them. */
  get current() {
    return this.#pages.map(({ caller }) => caller);
  }

  get top() {
    return this.#pages.at(-1);
  }

  navigateTo({ url }) {
    if (this.#pages.length >= DEPTH) throw `webview count limit exceed`;
    const target = this.#find(url);
    this.#hideTop();
    this.#open(target);
  }

  redirectTo({ url }) {
    const target = this.#find(url);
    this.#closeTop();
    this.#open(target);
  }

  reLaunch({ url }) {
    const target = this.#find(url);
    while (this.top) this.#closeTop();
    this.#open(target);
  }

  navigateBack({ delta = 1 }) {
    if (this.#pages.length < 2) throw 'cannot navigate back at first page';
    for (let left = Math.min(delta, this.#pages.length - 1); left > 0; left -= 1) this.#closeTop();
    this.showTop();
  }

  /** A lifecycle method of the page that is seen, and of its components. */
  tell(method, ...args) {
    return this.top && safeCallback(`Page ${method}`, this.top.caller[method] ?? (() => {}), this.top.caller, args);
  }

  showTop() {
    if (!this.top) return;
    this.top.holder.hidden = false;
    this.top.style ??= style(this.#program.styles[this.top.path] ?? '');
    this.drawBar();
    this.tell('onShow');
    this.top.root.getComponent().triggerPageLifetime('show', []);
  }

  hideTop() {
    this.tell('onHide');
    this.top?.root.getComponent().triggerPageLifetime('hide', []);
  }

  /** The bar says what the page's own settings say, or what it was told since. */
  drawBar(change = {}) {
    if (!this.top) return;
    Object.assign(this.top.bar, change);
    const settings = { ...this.#program.app.window, ...this.#program.configs[this.top.path], ...this.top.bar };
    const named = (value) => (value?.startsWith?.('@') ? this.#program.theme[this.#theme()][value.slice(1)] : value);
    const title = settings.navigationBarTitleText ?? '';
    part('title').textContent = title;
    document.title = title || 'Mini Program';
    part('bar').style.background = named(settings.navigationBarBackgroundColor) ?? '#000';
    part('bar').style.color = named(settings.navigationBarTextStyle) === 'black' ? '#000' : '#fff';
    part('back').hidden = this.#pages.length < 2;
    document.body.style.background = named(settings.backgroundColor) ?? '#fff';
    document.documentElement.classList.toggle('custom', settings.navigationStyle === 'custom');
  }

  #find(url) {
    const [address, query = ''] = String(url).split('?');
    const path = resolve(this.top ? `${this.top.path}` : '', address);
    if (!this.#program.configs[path]?.isPage) throw `page "${path}" is not found`;
    return { path, query };
  }

  #open({ path, query }) {
    const holder = part('pages').appendChild(document.createElement('div'));
    holder.className = 'devtools-page';
    // The styles are there before the page is, so that nothing is seen without them.
    const own = style(this.#program.styles[path] ?? '');
    const root = this.#framework.open(path, query, holder);
    const caller = root.get();
    const options = parse(query);
    Object.assign(caller, { route: path, options });
    this.#pages.push({ path, holder, root, caller, style: own, bar: {} });
    const { top } = this;
    this.tell('onLoad', options);
    // It may have gone elsewhere already.
    if (this.top !== top) return;
    this.showTop();
    requestAnimationFrame(() => safeCallback('Page onReady', caller.onReady ?? (() => {}), caller, []));
  }

  #hideTop() {
    if (!this.top) return;
    this.hideTop();
    this.top.holder.hidden = true;
    this.top.style?.remove();
    this.top.style = null;
  }

  #closeTop() {
    if (!this.top) return;
    this.tell('onUnload');
    const { root, holder, style: own } = this.#pages.pop();
    root.release();
    holder.remove();
    own?.remove();
  }
}
