// @ts-check
// The settings: name, picture, sound, vibration, and whether the place is told.

const { AVATARS, NAME_CHARS } = require('../../game/person.js');

/** @typedef {import('../../app.js').Table} Table */

/** @type {Table} */
const table = getApp().table;
const { words, profile, nickname, picture, place } = table;

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

  stopWatching: () => {},
  /** What the field holds, as far as we are told. */
  inField: profile.name,
  gone: false,
  /** @type {(problem: string, denied?: boolean) => void} */
  hear: () => {},

  onLoad() {
    wx.setNavigationBarTitle({ title: words.settings });
    this.inField = profile.name;
    this.hear = (problem, denied = false) => {
      this.setData({ problem, denied, near: place.wanted });
      this.follow();
    };
    this.setData({ avatar: profile.avatar, sound: profile.sound, vibration: profile.vibration, near: place.wanted });
    this.stopWatching = table.watch(() => this.follow());
  },

  onShow() {
    table.hear = this.hear;
  },

  onHide() {
    nickname.hidden();
  },

  onUnload() {
    this.gone = true;
    this.stopWatching();
    if (table.hear === this.hear) table.hear = null;
    nickname.gone();
  },

  /** Shows what has become of name and picture, whoever has decided it. */
  follow() {
    if (!nickname.open) this.showName(profile.name);
    if (this.data.picture !== profile.picture) this.setData({ picture: profile.picture });
  },

  /** @param {string} name */
  showName(name) {
    if (this.gone) return;
    // WeChat puts into a field only what differs from the last that was put there, whatever has been typed since.
    if (this.data.name === name && this.inField !== name) this.setData({ name: this.inField });
    this.inField = name;
    if (this.data.name !== name) this.setData({ name });
  },

  /** @param {WechatMiniprogram.Input} event */
  onNameInput({ detail }) {
    this.inField = detail.value;
    nickname.typed(detail.value);
  },

  /** @param {WechatMiniprogram.InputBlur} event */
  onName({ detail }) {
    this.inField = detail.value;
    this.showName(nickname.left(detail.value));
  },

  /** @param {WechatMiniprogram.CustomEvent<{pass: boolean, timeout: boolean}>} event */
  onNameReviewed({ detail }) {
    nickname.reviewed(detail);
    this.follow();
  },

  /** @param {WechatMiniprogram.TouchEvent} event */
  onAvatar({ currentTarget }) {
    const { avatar } = currentTarget.dataset;
    this.setData({ avatar });
    table.introduce({ avatar });
    picture.drop();
  },

  /** @param {WechatMiniprogram.CustomEvent<{avatarUrl: string}>} event */
  onOwnPicture({ detail }) {
    picture.choose(detail.avatarUrl);
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
    this.wantPlace(detail.value);
  },

  /** @param {boolean} wanted */
  wantPlace(wanted) {
    this.setData({ near: wanted, problem: '', denied: false });
    place.want(wanted);
  },

  onOpenSettings() {
    wx.openSetting({
      success: ({ authSetting }) => authSetting['scope.userFuzzyLocation'] && !this.gone && this.wantPlace(true),
      fail() {},
    });
  },
});
