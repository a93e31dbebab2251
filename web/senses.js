// What the player hears and feels.

import { play, PULSES } from '../miniprogram/game/sound.js';

/** @typedef {import('../miniprogram/game/game.js').Cue} Cue */

export class Senses {
  /** @type {AudioContext | null} */
  #audio = null;
  #touched = false;

  /** @param {{sound: boolean, vibration: boolean}} profile asked at every cue */
  constructor(profile) {
    this.profile = profile;
    // Browsers let a page sound and vibrate only after the first tap or key.
    for (const gesture of ['pointerup', 'keydown']) addEventListener(gesture, () => this.#touch(), { capture: true });
  }

  /** @param {Cue} cue @param {number} streak */
  cue(cue, streak) {
    if (!this.#touched || document.hidden) return;
    if (this.profile.sound && this.#audio?.state === 'running') play(this.#audio, cue, streak);
    const pulse = PULSES[cue];
    if (this.profile.vibration && pulse) navigator.vibrate?.(pulse);
  }

  #touch() {
    this.#touched = true;
    if (!this.profile.sound) return;
    this.#audio ??= new AudioContext();
    // A phone suspends it with the screen.
    if (this.#audio.state === 'suspended') this.#audio.resume().catch(() => {});
  }
}
