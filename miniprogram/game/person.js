// @ts-check
// Who plays on this device: made up on the first visit, kept by whatever store the client has.

const { isBlank, plain } = require('./names.js');

/** The pictures drawn for this project, by the names of their files. */
const AVATARS = ['tiger', 'crane', 'monkey', 'snake', 'panda', 'fox', 'ox', 'cat'];
const ROBOT = 'robot';
/** The longest name a player types here, in characters; the protocol allows 64. */
const NAME_CHARS = 12;
/** Degrees are rounded to a hundredth, about 1 km: nothing finer leaves the device. */
const PLACE_STEPS = 100;

/**
 * @typedef {{uid: string, name: string, avatar: string, token: string | null, sound: boolean, vibration: boolean}} Profile
 *   what a device keeps
 */

/**
 * @param {unknown} kept what was kept last time, whatever has become of it
 * @param {{guests: string[]}} words @param {() => number} random in [0, 1)
 * @returns {Profile}
 */
function profile(kept, words, random) {
  const old = /** @type {Partial<Profile>} */ (typeof kept === 'object' && kept !== null ? kept : {});
  const known = typeof old.uid === 'string' && old.uid.length > 0 && old.uid.length <= 64;
  return {
    uid: known ? /** @type {string} */ (old.uid) : freshUid(random),
    token: known && typeof old.token === 'string' ? old.token : null,
    name: tidyName(old.name) || guestName(words, random),
    avatar: typeof old.avatar === 'string' && AVATARS.includes(old.avatar) ? old.avatar : pick(AVATARS, random),
    sound: old.sound !== false,
    vibration: old.vibration !== false,
  };
}

/** A uid nobody else has; it is no secret, the token is. @param {() => number} random */
function freshUid(random) {
  let uid = '';
  while (uid.length < 22) uid += Math.floor(random() * 36).toString(36);
  return uid;
}

/** @param {{guests: string[]}} words @param {() => number} random */
function guestName({ guests }, random) {
  return pick(guests, random);
}

/** What of a typed name can be used: plain, not too long, and something to be seen. @param {unknown} typed */
function tidyName(typed) {
  // Plain again, since an emoji may have been cut behind a joiner.
  const name = typeof typed === 'string' ? plain(Array.from(plain(typed)).slice(0, NAME_CHARS).join('')) : '';
  return isBlank(name) ? '' : name;
}

/** The address under which a server shows one of its pictures. @param {string} origin `https://HOST` @param {string} avatar */
function pictureAddress(origin, avatar) {
  return `${origin}/avatars/${avatar}.svg`;
}

/**
 * Which of our pictures stands for somebody. Pictures from elsewhere are not fetched: that would tell their host who plays.
 * @param {{uid: string, picture: string, robot?: boolean}} somebody
 */
function avatarOf({ uid, picture, robot = false }) {
  if (robot) return ROBOT;
  const [, named = ''] = /\/avatars\/([a-z]+)\.svg$/.exec(picture) || [];
  if (AVATARS.includes(named)) return named;
  let sum = 0;
  for (let i = 0; i < uid.length; i += 1) sum = (sum * 31 + uid.charCodeAt(i)) % 65521;
  return AVATARS[sum % AVATARS.length];
}

/** @param {{latitude: number, longitude: number}} position degrees @returns {{lat: number, lng: number}} to about 1 km */
function coarse({ latitude, longitude }) {
  return { lat: Math.round(latitude * PLACE_STEPS) / PLACE_STEPS, lng: Math.round(longitude * PLACE_STEPS) / PLACE_STEPS };
}

/** @template T @param {T[]} list @param {() => number} random */
function pick(list, random) {
  return list[Math.floor(random() * list.length)];
}

module.exports = { AVATARS, NAME_CHARS, profile, freshUid, guestName, tidyName, pictureAddress, avatarOf, coarse };
