// The wx object: every call is recorded, and whatever is missing says so instead of being undefined.

import { dialogs } from './dialogs.js';
import { SocketTask } from './socket.js';

const STORED = 'stored:';
/** WeChat's own limit, for those that are open, opening or closing. */
const SOCKETS = 5;
const EVENTS = [
  'AppShow', 'AppHide', 'ThemeChange', 'NetworkStatusChange', 'Error', 'UnhandledRejection', 'PageNotFound', 'WindowResize',
  'AudioInterruptionBegin', 'AudioInterruptionEnd',
];
/** Asked for, done by nobody: only that it was asked is of interest. */
const RECORDED = [
  'vibrateShort', 'vibrateLong', 'showShareMenu', 'hideShareMenu', 'updateShareMenu', 'setKeepScreenOn', 'setInnerAudioOption',
  'setBackgroundColor', 'setBackgroundTextStyle', 'openPrivacyContract', 'hideHomeButton',
];

/** The same without functions, for a test to compare. */
function plain(value) {
  if (value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([, item]) => typeof item !== 'function').map(([key, item]) => [key, plain(item)]));
}

/** Throws for what is not there. What the language itself asks of any object is let through. */
function complete(object, name) {
  return new Proxy(object, {
    get(target, key) {
      if (key in target || typeof key === 'symbol' || key === 'then' || key === 'toJSON') return target[key];
      throw new Error(`${name}.${key} is not in this harness`);
    },
  });
}

export function createWx({ program, device, devtools, stack }) {
  const record = (name, args) => {
    devtools.calls.push([name, ...args.filter((arg) => typeof arg !== 'function').map(plain)]);
  };
  /** WeChat's two ways: an answer to the callbacks, or a promise where there are none. */
  const answered = (name, act) => (options = {}) => {
    record(name, [options]);
    const { success, fail, complete: done } = options;
    const result = Promise.resolve(options).then(act).then(
      (value) => ({ ...value, errMsg: `${name}:ok` }),
      (error) => { throw { errMsg: `${name}:fail ${error?.message ?? error}` }; },
    );
    if (!success && !fail && !done) return result;
    result.then((value) => {
      success?.(value);
      done?.(value);
    }, (error) => {
      fail?.(error);
      done?.(error);
    });
  };
  const now = (name, act) => (...args) => {
    record(name, args);
    return act(...args);
  };

  const listeners = Object.fromEntries(EVENTS.map((name) => [name, new Set()]));
  const fire = (name, event) => [...listeners[name]].forEach((listener) => listener(event));
  const later = {};
  const sync = {};

  for (const name of EVENTS) {
    sync[`on${name}`] = (listener) => { listeners[name].add(listener); };
    sync[`off${name}`] = (listener) => { if (listener) listeners[name].delete(listener); else listeners[name].clear(); };
  }
  for (const event of ['online', 'offline']) window.addEventListener(event, () => fire('NetworkStatusChange', device.network));
  window.addEventListener('resize', () => fire('WindowResize', { size: device.window }));
  for (const name of RECORDED) later[name] = () => ({});

  for (const name of ['navigateTo', 'redirectTo', 'reLaunch', 'navigateBack']) later[name] = (options) => { stack()[name](options); };

  Object.assign(sync, {
    canIUse: () => true,
    nextTick: (act) => { setTimeout(act); },
    getSystemInfoSync: () => ({ ...device.window, ...device.base, ...device.hardware }),
    getWindowInfo: () => device.window,
    getAppBaseInfo: () => device.base,
    getDeviceInfo: () => device.hardware,
    getMenuButtonBoundingClientRect: () => device.menuButton,
    getLaunchOptionsSync: () => device.launched,
    getEnterOptionsSync: () => device.launched,
    getAccountInfoSync: () => ({ miniProgram: { appId: 'touristappid', envVersion: 'develop', version: '' } }),
    reportEvent() {},
    createSelectorQuery: () => stack().top.caller.createSelectorQuery(),
    getUpdateManager: () => ({
      onCheckForUpdate: (listener) => setTimeout(() => listener({ hasUpdate: false })), onUpdateReady() {}, onUpdateFailed() {}, applyUpdate() {},
    }),
    onNeedPrivacyAuthorization: (listener) => device.onNeedPrivacy(listener),
    createWebAudioContext: () => new AudioContext(),
    createInnerAudioContext: () => innerAudio(),
    getFileSystemManager: () => files(device, answered, now, devtools),
  });
  Object.assign(later, {
    getSystemInfo: () => sync.getSystemInfoSync(),
    getNetworkType: () => device.network,
    getSetting: () => ({ authSetting: { ...devtools.authSetting } }),
    openSetting: () => ({ authSetting: { ...devtools.authSetting } }),
    authorize({ scope }) { if (devtools.authSetting[scope] === false) throw 'auth deny'; },
    requirePrivacyAuthorize: () => device.privacy('requirePrivacyAuthorize'),
    getPrivacySetting: () => ({ needAuthorization: device.needsPrivacy, privacyContractName: '《Privacy》' }),
    getFuzzyLocation: () => device.locate(),
    getLocation: () => device.locate(),
    setNavigationBarTitle: ({ title }) => { stack().drawBar({ navigationBarTitleText: title }); },
    setNavigationBarColor({ frontColor, backgroundColor }) {
      stack().drawBar({ navigationBarTextStyle: frontColor === '#000000' ? 'black' : 'white', navigationBarBackgroundColor: backgroundColor });
    },
    ...dialogs(),
  });
  storage(sync, later, devtools);

  const connectSocket = now('connectSocket', (options) => {
    if (device.sockets.size >= SOCKETS) {
      setTimeout(() => options.fail?.({ errMsg: 'connectSocket:fail exceed max task count' }));
      return undefined;
    }
    const task = new SocketTask(options, device.sockets, record);
    setTimeout(() => {
      options.success?.({ errMsg: 'connectSocket:ok' });
      options.complete?.({ errMsg: 'connectSocket:ok' });
    });
    return task;
  });

  const all = { connectSocket, env: { USER_DATA_PATH: device.userPath } };
  for (const [name, act] of Object.entries(sync)) all[name] = now(name, act);
  for (const [name, act] of Object.entries(later)) all[name] = answered(name, act);
  return { wx: complete(all, 'wx'), fire };
}

function storage(sync, later, devtools) {
  const read = (key) => {
    const text = localStorage.getItem(STORED + key);
    return text === null ? undefined : JSON.parse(text);
  };
  const keys = () => Object.keys(localStorage).filter((key) => key.startsWith(STORED)).map((key) => key.slice(STORED.length));
  sync.getStorageSync = (key) => {
    if (devtools.storage === 'broken') throw new Error('getStorageSync:fail');
    return read(key) ?? '';
  };
  sync.setStorageSync = (key, data) => {
    if (devtools.storage) throw new Error('setStorageSync:fail exceed storage max size 10Mb');
    localStorage.setItem(STORED + key, JSON.stringify(data ?? ''));
  };
  sync.removeStorageSync = (key) => localStorage.removeItem(STORED + key);
  sync.clearStorageSync = () => keys().forEach(sync.removeStorageSync);
  sync.getStorageInfoSync = () => ({ keys: keys(), currentSize: 1, limitSize: 10240 });
  later.getStorage = ({ key }) => {
    const data = read(key);
    if (data === undefined) throw 'data not found';
    return { data };
  };
  later.setStorage = ({ key, data }) => { sync.setStorageSync(key, data); };
  later.removeStorage = ({ key }) => { sync.removeStorageSync(key); };
  later.clearStorage = () => { sync.clearStorageSync(); };
}

function files(device, answered, now, devtools) {
  const found = (path) => {
    if (!device.has(path)) throw `no such file or directory, access "${path}"`;
  };
  const later = {
    async saveFile({ tempFilePath, filePath }) {
      const path = await device.keepAny(tempFilePath, filePath);
      await devtools.copying(tempFilePath);
      return { savedFilePath: path };
    },
    access: ({ path }) => found(path),
    unlink: ({ filePath }) => device.remove(filePath),
    removeSavedFile: ({ filePath }) => device.remove(filePath),
    copyFile: async ({ srcPath, destPath }) => { await device.keepAny(srcPath, destPath); },
  };
  const sync = {
    saveFileSync: (source, path) => device.keep(source, path),
    accessSync: found,
    unlinkSync: (path) => device.remove(path),
    readFileSync(path) {
      found(path);
      return device.files.get(path);
    },
    writeFileSync(path, text) {
      if (devtools.storage) throw 'the maximum size of the file storage limit is exceeded';
      device.write(path, text);
    },
  };
  const all = {};
  for (const [name, act] of Object.entries(later)) all[name] = answered(name, act);
  for (const [name, act] of Object.entries(sync)) {
    all[name] = now(name, (...args) => {
      try {
        return act(...args);
      } catch (reason) {
        throw new Error(`${name}:fail ${reason}`);
      }
    });
  }
  return complete(all, 'FileSystemManager');
}

function innerAudio() {
  const audio = new Audio();
  const events = { Play: 'play', Pause: 'pause', Ended: 'ended', Error: 'error', Canplay: 'canplay', TimeUpdate: 'timeupdate', Waiting: 'waiting' };
  const context = {
    obeyMuteSwitch: true,
    startTime: 0,
    play: () => { audio.play().catch(() => audio.dispatchEvent(new Event('error'))); },
    pause: () => audio.pause(),
    seek: (time) => { audio.currentTime = time; },
    stop() {
      audio.pause();
      audio.currentTime = 0;
    },
    destroy() {
      audio.pause();
      audio.removeAttribute('src');
    },
    get src() { return audio.src; },
    set src(address) { audio.src = address.startsWith('/') ? `/files${address}` : address; },
  };
  for (const name of ['volume', 'loop', 'autoplay', 'paused', 'duration', 'currentTime', 'playbackRate']) {
    Object.defineProperty(context, name, { get: () => audio[name], set: (value) => { audio[name] = value; } });
  }
  for (const [name, event] of Object.entries(events)) {
    context[`on${name}`] = (listener) => audio.addEventListener(event, listener);
    context[`off${name}`] = (listener) => audio.removeEventListener(event, listener);
  }
  return complete(context, 'InnerAudioContext');
}
