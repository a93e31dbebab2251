// @ts-check
// What the player hears and feels.

const { play, PULSES } = require('./game/sound.js');

/** @typedef {import('./game/game.js').Cue} Cue */

class Senses {
  /** @param {{sound: boolean, vibration: boolean}} profile asked at every cue */
  constructor(profile) {
    this.profile = profile;
    /** @type {any} */
    this._audio = null;
  }

  /** @param {Cue} cue @param {number} streak */
  cue(cue, streak) {
    if (this.profile.vibration && PULSES[cue]) {
      // The longest pulse of the pattern decides how strong one short vibration is.
      const longest = Math.max(...PULSES[cue]);
      wx.vibrateShort({ type: longest < 20 ? 'light' : longest < 60 ? 'medium' : 'heavy', fail() {} });
    }
    if (!this.profile.sound) return;
    if (this._audio === null) this._audio = wx.createWebAudioContext();
    play(this._audio, cue, streak);
  }
}

module.exports = { Senses };
