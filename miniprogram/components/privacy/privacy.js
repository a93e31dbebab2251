// @ts-check
// Asks for consent before WeChat hands out what is personal (a picture, a nickname, a place): WeChat calls, this answers.
// https://developers.weixin.qq.com/miniprogram/dev/framework/user-privacy/PrivacyAuthorize.html

/**
 * @typedef {{event: 'agree' | 'disagree', buttonId?: string}} Word
 * @typedef {(word: Word) => void} Resolve
 */

/** Who waits for the answer: WeChat asks once for each thing that is wanted. @type {Set<Resolve>} */
const waiting = new Set();
/** Those that can ask, the one on the top page last. @type {{setData: (data: {asked: boolean}) => void}[]} */
const dialogs = [];
let listening = false;

/** @param {Word} word */
function settle(word) {
  const all = Array.from(waiting);
  waiting.clear();
  dialogs.forEach((dialog) => dialog.setData({ asked: false }));
  all.forEach((resolve) => resolve(word));
}

/** WeChat keeps one listener, for as long as the program runs. */
function listen() {
  if (listening || !wx.onNeedPrivacyAuthorization) return;
  listening = true;
  // The typings have another signature than the documentation.
  wx.onNeedPrivacyAuthorization((/** @type {any} */ resolve) => {
    const dialog = dialogs[dialogs.length - 1];
    // Nobody can be asked: nobody has agreed, and whoever waits is told so.
    if (!dialog) return resolve({ event: 'disagree' });
    waiting.add(resolve);
    dialog.setData({ asked: true });
  });
}

Component({
  properties: {
    /** Texts of words.js: title, detail, contract, agree, refuse. */
    words: { type: Object, value: {} },
  },

  data: { asked: false },

  lifetimes: {
    attached() {
      dialogs.push(this);
      listen();
    },
    detached() {
      dialogs.splice(dialogs.indexOf(this), 1);
      // Whoever leaves the page without a word has not agreed.
      settle({ event: 'disagree' });
    },
  },

  methods: {
    onContract() {
      wx.openPrivacyContract({ fail() {} });
    },
    onAgree() {
      settle({ event: 'agree', buttonId: 'privacy-agree' });
    },
    onRefuse() {
      settle({ event: 'disagree' });
    },
  },
});
