// @ts-check
// Asks for consent before WeChat hands out what is personal (a picture, a nickname, a place): WeChat calls, this answers.
// https://developers.weixin.qq.com/miniprogram/dev/framework/user-privacy/PrivacyAuthorize.html

/** @type {((answer: {event: 'agree' | 'disagree', buttonId?: string}) => void) | null} */
let answer = null;

Component({
  properties: {
    /** Texts of words.js: title, detail, contract, agree, refuse. */
    words: { type: Object, value: {} },
  },

  data: { asked: false },

  lifetimes: {
    attached() {
      if (!wx.onNeedPrivacyAuthorization) return;
      // The typings have another signature than the documentation.
      wx.onNeedPrivacyAuthorization((/** @type {any} */ resolve) => {
        answer = resolve;
        this.setData({ asked: true });
      });
    },
    detached() {
      // Whoever leaves the page without a word has not agreed.
      if (answer) answer({ event: 'disagree' });
      answer = null;
    },
  },

  methods: {
    onContract() {
      wx.openPrivacyContract({ fail() {} });
    },
    onAgree() {
      this.settle({ event: 'agree', buttonId: 'privacy-agree' });
    },
    onRefuse() {
      this.settle({ event: 'disagree' });
    },
    /** @param {{event: 'agree' | 'disagree', buttonId?: string}} word */
    settle(word) {
      if (answer) answer(word);
      answer = null;
      this.setData({ asked: false });
    },
  },
});
