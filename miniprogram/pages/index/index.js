// @ts-check
// The game's screen: binds a scene, and says what was tapped.

/** @typedef {import('../../app.js').Table} Table */

/** @type {Table} */
const table = getApp().table;
const { words, player, profile } = table;

Page({
  data: {
    /** @type {import('../../game/scene.js').Scene | null} */
    scene: null,
    words: {
      sound: words.sound, settings: words.settings, near: words.near, handGroup: words.handGroup, faceGroup: words.faceGroup,
    },
    language: words.language,
    sound: profile.sound,
    picture: profile.picture,
    /** How the stick of incense burns: lit again for another round only, and then under another name, or it goes on burning. */
    burning: '',
  },

  stopWatching: () => {},
  endsAt: 0,
  lit: 0,

  onLoad() {
    wx.setNavigationBarTitle({ title: words.title });
    this.stopWatching = table.watch((scene) => this.setData(Object.assign({ scene }, this.burn(scene))));
  },

  onShow() {
    this.setData({ sound: profile.sound, picture: profile.picture });
  },

  onUnload() {
    this.stopWatching();
  },

  /** @param {import('../../game/scene.js').Scene} scene */
  burn({ countdown }) {
    if (!countdown) return {};
    const { left, total } = countdown;
    const endsAt = Date.now() + left;
    if (Math.abs(endsAt - this.endsAt) < 100) return {};
    this.endsAt = endsAt;
    this.lit += 1;
    const name = this.lit % 2 === 0 ? 'burn-even' : 'burn-odd';
    return { burning: `animation-name: ${name}; animation-duration: ${total}ms; animation-delay: ${left - total}ms` };
  },

  onPrimary() {
    const { scene } = this.data;
    if (scene && scene.primary && scene.primary.enabled) player[scene.primary.action]();
  },

  onSecondary() {
    const { scene } = this.data;
    if (scene && scene.secondary && scene.secondary.enabled) player[scene.secondary.action]();
  },

  onThird() {
    const { scene } = this.data;
    if (scene && scene.third && scene.third.enabled) player[scene.third.action]();
  },

  /** Out of a round only who knows what that costs. */
  onLeave() {
    const { scene } = this.data;
    if (!scene || !scene.asked || !scene.secondary || !scene.secondary.enabled) return;
    const { title, detail, yes, no } = scene.asked;
    wx.showModal({
      title,
      content: detail,
      confirmText: yes,
      cancelText: no,
      success: ({ confirm }) => {
        // The round may be over by now.
        if (confirm && this.data.scene && this.data.scene.phase === 'playing') player.leave();
      },
    });
  },

  /** @param {WechatMiniprogram.TouchEvent} event */
  onHand({ currentTarget }) {
    player.choose(Number(currentTarget.dataset.id));
  },

  /** @param {WechatMiniprogram.TouchEvent} event */
  onFace({ currentTarget }) {
    player.pull(Number(currentTarget.dataset.id));
  },

  onMute() {
    profile.sound = !profile.sound;
    table.keep();
    this.setData({ sound: profile.sound });
  },

  onSettings() {
    wx.navigateTo({ url: '/pages/settings/settings' });
  },

  onShareAppMessage() {
    return { title: words.share, path: '/pages/index/index' };
  },

  onShareTimeline() {
    return { title: words.share };
  },
});
