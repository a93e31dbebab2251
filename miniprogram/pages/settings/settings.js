// @ts-check
// The settings: name, picture, sound, vibration, and whether the place is told.

const { AVATARS, NAME_CHARS, coarse, tidyName } = require('../../game/person.js');

/** @typedef {import('../../app.js').Table} Table */

/** @type {Table} */
const table = getApp().table;
const { words, player, profile } = table;

Page({
  data: {
    words: {
      name: words.name, nameHint: words.nameHint, avatar: words.avatar, sound: words.sound, vibration: words.vibration,
      near: words.near, nearDetail: words.nearDetail, ownPicture: words.ownPicture, ownPictureDetail: words.ownPictureDetail,
      privacy: words.privacy, openSettings: words.openSettings,
    },
    avatars: AVATARS.map((avatar) => ({ avatar, label: words.avatars[avatar] })),
    nameChars: NAME_CHARS,
    name: profile.name,
    avatar: profile.avatar,
    picture: profile.picture,
    sound: profile.sound,
    vibration: profile.vibration,
    near: false,
    problem: '',
    denied: false,
  },

  /** What WeChat's check of nicknames refused; it answers after the field was left. */
  refused: '',
  nearWanted: false,

  onLoad() {
    wx.setNavigationBarTitle({ title: words.settings });
    this.setData({ near: table.placed() });
  },

  /** @param {WechatMiniprogram.InputBlur} event */
  onName({ detail }) {
    const name = tidyName(detail.value) || profile.name;
    this.setData({ name });
    if (name !== profile.name && name !== this.refused) table.introduce({ name });
  },

  /** @param {WechatMiniprogram.CustomEvent<{pass: boolean, timeout: boolean}>} event */
  onNameReviewed({ detail }) {
    if (detail.pass || detail.timeout) return;
    this.refused = profile.name;
    const name = words.guests[0];
    this.setData({ name, problem: words.notes.name_refused });
    table.introduce({ name });
  },

  /** @param {WechatMiniprogram.TouchEvent} event */
  onAvatar({ currentTarget }) {
    const { avatar } = currentTarget.dataset;
    forget(profile.picture);
    profile.picture = '';
    this.setData({ avatar, picture: '' });
    table.introduce({ avatar });
    table.keep();
  },

  /** The file WeChat hands out is gone with the session: it is copied. @param {WechatMiniprogram.CustomEvent<{avatarUrl: string}>} event */
  onOwnPicture({ detail }) {
    wx.getFileSystemManager().saveFile({
      tempFilePath: detail.avatarUrl,
      success: ({ savedFilePath }) => {
        forget(profile.picture);
        profile.picture = savedFilePath;
        table.keep();
        this.setData({ picture: savedFilePath });
      },
      // Full: it is shown for this time.
      fail: () => {
        profile.picture = detail.avatarUrl;
        this.setData({ picture: detail.avatarUrl });
      },
    });
  },

  /** @param {WechatMiniprogram.SwitchChange} event */
  onSound({ detail }) {
    profile.sound = detail.value;
    table.keep();
  },

  /** @param {WechatMiniprogram.SwitchChange} event */
  onVibration({ detail }) {
    profile.vibration = detail.value;
    table.keep();
  },

  /** @param {WechatMiniprogram.SwitchChange} event */
  onNear({ detail }) {
    this.nearWanted = detail.value;
    this.setData({ near: detail.value, problem: '', denied: false });
    if (!detail.value) return player.introduce({ place: null });
    wx.getFuzzyLocation({
      type: 'wgs84',
      // Switched off again while the phone was looking: it is not told.
      success: (position) => this.nearWanted && player.introduce({ place: coarse(position) }),
      fail: ({ errMsg }) => {
        this.nearWanted = false;
        const denied = /auth|den(y|ied)|privacy/.test(errMsg);
        this.setData({ near: false, denied, problem: denied ? words.nearDenied : words.nearUnknown });
      },
    });
  },

  onOpenSettings() {
    wx.openSetting({ fail() {} });
  },
});

/** The room for saved files is small. @param {string} path empty: there is none */
function forget(path) {
  if (path !== '') wx.getFileSystemManager().removeSavedFile({ filePath: path, fail() {} });
}
