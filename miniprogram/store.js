// @ts-check
// What the phone keeps between visits: in WeChat's storage, and once more in a file, since either may be full, cleared or broken.

/** @typedef {import('./game/person.js').Profile & {picture: string}} Profile `picture`: a file chosen for one's own screen */

const KEY = 'wulin';
/** Storage that cannot be read now may be read in a moment. */
const TRIES = 3;
const file = () => `${wx.env.USER_DATA_PATH}/${KEY}.json`;

/** Counts what was saved: of two copies the one with the higher number is the later. */
let edition = 0;
/** Whether the storage could not be read: it may hold somebody who would be lost if we wrote over it. */
let unreadable = false;

/** @returns {unknown} */
function load() {
  let inStorage = stored();
  for (let tries = 1; inStorage === undefined && tries < TRIES; tries += 1) inStorage = stored();
  const copies = [inStorage, filed()].filter((copy) => typeof copy === 'object' && copy !== null);
  unreadable = inStorage === undefined && copies.length === 0;
  if (copies.length === 0) return null;
  const latest = copies.reduce((one, other) => (editionOf(other) > editionOf(one) ? other : one));
  edition = editionOf(latest);
  return latest;
}

/** At once, since a program may be ended at any time. @param {Profile} profile @returns {boolean} whether it is kept */
function save(profile) {
  if (unreadable && stored() !== null) return false;
  unreadable = false;
  edition += 1;
  const copy = Object.assign({}, profile, { edition });
  const kept = [
    () => wx.setStorageSync(KEY, copy),
    () => wx.getFileSystemManager().writeFileSync(file(), JSON.stringify(copy), 'utf8'),
  ].map(works);
  return kept.some(Boolean);
}

/** @returns {unknown} null where there is nothing, undefined where that cannot be said */
function stored() {
  try {
    return wx.getStorageSync(KEY) || null;
  } catch (error) {
    return undefined;
  }
}

/** @returns {unknown} */
function filed() {
  try {
    return JSON.parse(String(wx.getFileSystemManager().readFileSync(file(), 'utf8')));
  } catch (error) {
    // There is none, as a rule.
    return null;
  }
}

/** @param {any} copy */
function editionOf(copy) {
  return Number(copy.edition) || 0;
}

/** @param {() => void} action */
function works(action) {
  try {
    action();
    return true;
  } catch (error) {
    return false;
  }
}

module.exports = { load, save };
