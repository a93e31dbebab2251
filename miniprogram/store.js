// @ts-check
// What the phone keeps between visits.

/** @typedef {import('./game/person.js').Profile & {picture: string}} Profile `picture`: a file chosen for one's own screen */

const KEY = 'wulin';

/** @returns {unknown} */
function load() {
  try {
    return wx.getStorageSync(KEY) || null;
  } catch (error) {
    return null;
  }
}

/** @param {Profile} profile */
function save(profile) {
  // Full or forbidden: the profile lasts as long as the Mini Program runs.
  wx.setStorage({ key: KEY, data: profile, fail() {} });
}

module.exports = { load, save };
