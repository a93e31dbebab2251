// What the browser keeps between visits. Where it keeps nothing (a private window), the visit goes on without.

const KEY = 'wulin';

/** @returns {unknown} */
export function load() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? 'null');
  } catch {
    return null;
  }
}

/** @param {import('../miniprogram/game/person.js').Profile & {memory: import('../miniprogram/game/memory.js').Memory}} profile */
export function save(profile) {
  try {
    localStorage.setItem(KEY, JSON.stringify(profile));
  } catch {
    // Full or forbidden: the profile lasts as long as the page.
  }
}
