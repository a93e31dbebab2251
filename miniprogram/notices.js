// @ts-check
// What the Mini Program says beside the game's own words, since WeChat does it to nobody else.

/**
 * @typedef {object} Notices
 * @property {(refused: string, name: string) => string} nameRefused by WeChat; the second is the name in use
 * @property {(name: string) => string} nameUnusable to the server
 * @property {string} notKept
 * @property {string} pictureNotKept
 */

/** @type {Notices} */
const zh = {
  nameRefused: (refused, name) => `微信不让用“${refused}”这个名字，现在还叫“${name}”。`,
  nameUnusable: (name) => `这个名字不能用，现在叫“${name}”。`,
  notKept: '手机没法保存，名字、头像和分数只到这次关闭为止。清理一下微信的存储空间，再打开试试。',
  pictureNotKept: '手机存不下这张头像，这次先用着，下次打开要重新选。',
};

/** @type {Notices} */
const en = {
  nameRefused: (refused, name) => `WeChat does not allow the name “${refused}”. You are still “${name}”.`,
  nameUnusable: (name) => `That name cannot be used. You are “${name}”.`,
  notKept: 'Your phone cannot keep anything: name, picture and score last until this is closed. '
    + 'Free some of WeChat’s storage and open it again.',
  pictureNotKept: 'There is no room on your phone for this picture: it lasts until this is closed.',
};

/** @param {string} language of the game's words */
function noticesIn(language) {
  return /^zh/i.test(language) ? zh : en;
}

module.exports = { en, noticesIn, zh };
