// CommonJS as a Mini Program knows it: its own files, WeChat's globals, and nothing of the browser.

/** What a browser has and WeChat has not; whoever uses it finds `undefined`, as on a phone. */
const ABSENT = [
  'window', 'self', 'document', 'location', 'history', 'navigator', 'localStorage', 'sessionStorage', 'indexedDB', 'XMLHttpRequest', 'fetch',
  'WebSocket', 'EventSource', 'Worker', 'Audio', 'AudioContext', 'Image', 'URL', 'URLSearchParams', 'Blob', 'FileReader', 'FormData',
  'TextEncoder', 'TextDecoder', 'crypto', 'performance', 'structuredClone', 'queueMicrotask', 'requestAnimationFrame',
  'cancelAnimationFrame', 'addEventListener', 'alert', 'confirm', 'atob', 'btoa', 'AbortController', 'Event', 'EventTarget', 'process', 'Buffer',
];

/** Returns `load(path)`, which runs a file once, from the root, and gives its exports. */
export function moduleLoader(sources, globals) {
  const names = Object.keys(globals);
  const loaded = new Map();

  function load(path, from = '') {
    const candidates = [path, `${path}.js`, `${path}/index.js`];
    const file = candidates.find((candidate) => candidate in sources);
    if (!file) throw new Error(`module '${path}.js' is not defined, require args is '${path}'${from && ` in ${from}`}`);
    if (loaded.has(file)) return loaded.get(file).exports;
    const module = { exports: {} };
    loaded.set(file, module);
    const code = `${sources[file]}\n//# sourceURL=${window.location.origin}/miniprogram/${file}`;
    const run = new Function('require', 'module', 'exports', ...names, ...ABSENT, code);
    run((name) => load(resolve(file, name), file), module, module.exports, ...names.map((name) => globals[name]));
    return module.exports;
  }
  return load;
}

/** The path from the root that `name` in `from` means. */
export function resolve(from, name) {
  const parts = name.startsWith('/') ? [] : from.split('/').slice(0, -1);
  for (const part of name.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.' && part !== '') parts.push(part);
  }
  return parts.join('/');
}
