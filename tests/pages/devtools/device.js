// The phone: its language, looks, place, files and sockets, as the browser and the tests make them.

const FILES = 'file:';
const STATUS_BAR = 20;
const NAVIGATION_BAR = 44;

export class Device {
  /** The sockets that are open or opening. */
  sockets = new Set();
  files = new Map();

  #program;
  #devtools;
  #launch;
  #privacyListeners = new Set();
  #agreed = false;
  #dark = matchMedia('(prefers-color-scheme: dark)');

  constructor(program, devtools) {
    this.#program = program;
    this.#devtools = devtools;
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(FILES)) this.files.set(key.slice(FILES.length), localStorage.getItem(key));
    }
  }

  get avatar() {
    return this.#devtools.avatar;
  }

  /** What WeChat says of a nickname once the field is left; a promise says it later, null is never. */
  review(name) {
    const { review } = this.#devtools;
    return typeof review === 'function' ? review(name) : review;
  }

  get authSetting() {
    return this.#devtools.authSetting;
  }

  /** Only a Mini Program that says so is ever dark. */
  get theme() {
    return this.#program.app.darkmode && this.#dark.matches ? 'dark' : 'light';
  }

  onTheme(listener) {
    this.#dark.addEventListener('change', () => this.#program.app.darkmode && listener());
  }

  /** WeChat knows three kinds of Chinese, and of everything else only the language. */
  get language() {
    const [language, region = 'CN'] = navigator.language.split('-');
    if (language !== 'zh') return language;
    return ['TW', 'HK'].includes(region) ? `zh_${region}` : 'zh_CN';
  }

  get window() {
    const { innerWidth: width, innerHeight: height } = window;
    const custom = document.documentElement.classList.contains('custom');
    return {
      pixelRatio: devicePixelRatio,
      screenWidth: width,
      screenHeight: height,
      windowWidth: width,
      windowHeight: custom ? height : height - STATUS_BAR - NAVIGATION_BAR,
      statusBarHeight: STATUS_BAR,
      screenTop: custom ? 0 : STATUS_BAR + NAVIGATION_BAR,
      safeArea: { left: 0, right: width, top: STATUS_BAR, bottom: height, width, height: height - STATUS_BAR },
    };
  }

  get base() {
    return {
      SDKVersion: '2.32.3', version: '8.0.40', enableDebug: false, language: this.language, fontSizeSetting: 16,
      host: { env: 'WeChat', appId: '', version: 671098941 }, ...(this.#program.app.darkmode && { theme: this.theme }),
    };
  }

  get hardware() {
    return { brand: 'devtools', model: 'Chromium', system: 'iOS 16.0', platform: 'ios', abi: '', benchmarkLevel: -1, memorySize: 2048 };
  }

  get network() {
    return { isConnected: navigator.onLine, networkType: navigator.onLine ? 'wifi' : 'none' };
  }

  get menuButton() {
    const right = innerWidth - 7;
    return { width: 87, height: 32, top: 26, bottom: 58, left: right - 87, right };
  }

  launch(path, query) {
    this.#launch = this.launchOptions(path, Object.fromEntries(new URLSearchParams(query)));
    return this.#launch;
  }

  launchOptions(path = this.#launch.path, query = this.#launch.query) {
    return { path, query: { ...query }, scene: 1001, shareTicket: '', referrerInfo: {} };
  }

  get launched() {
    return this.#launch;
  }

  // -- privacy ----------------------------------------------------------------------------------------------------

  /** The last listener counts. */
  onNeedPrivacy(listener) {
    this.#privacyListeners.clear();
    this.#privacyListeners.add(listener);
  }

  get needsPrivacy() {
    return this.#devtools.privacyNeeded && !this.#agreed;
  }

  /** Comes back once the user has agreed to the privacy contract, and throws once it was refused. */
  async privacy(referrer) {
    if (!this.needsPrivacy) return;
    if (this.#privacyListeners.size === 0) throw 'privacy permission is not authorized';
    await new Promise((agree, refuse) => {
      const answer = ({ event }) => {
        if (event === 'agree') {
          this.#agreed = true;
          agree();
        } else if (event === 'disagree') {
          refuse('privacy permission is not authorized');
        }
      };
      for (const listener of this.#privacyListeners) listener(answer, { referrer });
    });
  }

  async locate() {
    await this.privacy('getFuzzyLocation');
    const { location: asked } = this.#devtools;
    const location = typeof asked === 'function' ? await asked() : asked;
    if (!location || location.errMsg) throw (location?.errMsg ?? 'auth deny').replace(/^\w+:fail /, '');
    return { ...location };
  }

  // -- files ------------------------------------------------------------------------------------------------------

  has(path) {
    return this.files.has(path) || /^data:|^blob:/.test(path);
  }

  keep(source, path = `${this.userPath}/${Date.now()}${Math.random().toString(36).slice(2, 8)}`) {
    const content = this.files.get(source) ?? source;
    if (!content.startsWith('data:')) throw `no such file or directory, open "${source}"`;
    this.write(path, content);
    return path;
  }

  write(path, content) {
    this.files.set(path, content);
    localStorage.setItem(FILES + path, content);
  }

  /** A blob of the browser lives only as long as the document. */
  async keepAny(source, path) {
    if (!source.startsWith('blob:')) return this.keep(source, path);
    const blob = await (await fetch(source)).blob();
    const reader = new FileReader();
    await new Promise((done) => {
      reader.onload = done;
      reader.readAsDataURL(blob);
    });
    return this.keep(reader.result, path);
  }

  remove(path) {
    this.files.delete(path);
    localStorage.removeItem(FILES + path);
  }

  get userPath() {
    return 'wxfile://usr';
  }
}
