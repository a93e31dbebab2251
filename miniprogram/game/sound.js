// @ts-check
// What the game sounds and feels like: notes made by an oscillator, so that there is no file to fetch. Works with the
// AudioContext of a browser and with that of wx.createWebAudioContext.

/**
 * @typedef {import('./game.js').Cue} Cue
 * @typedef {{at: number, pitch: number, to?: number, length: number, shape?: OscillatorType, loud?: number}} Note
 *   at and length in s, pitch and where it glides to in Hz
 * @typedef {'sine' | 'triangle' | 'square' | 'sawtooth'} OscillatorType
 */

/** @type {Record<Cue, Note[]>} */
const NOTES = {
  start: [
    { at: 0, pitch: 196, to: 185, length: 0.9, loud: 0.5 },
    { at: 0, pitch: 392, to: 370, length: 0.6, loud: 0.2 },
  ],
  choose: [{ at: 0, pitch: 520, to: 700, length: 0.07, shape: 'triangle', loud: 0.3 }],
  move: [{ at: 0, pitch: 300, to: 220, length: 0.06, shape: 'triangle', loud: 0.25 }],
  face: [{ at: 0, pitch: 500, to: 900, length: 0.12, loud: 0.2 }],
  count: [{ at: 0, pitch: 880, length: 0.06, shape: 'square', loud: 0.06 }],
  win: [
    { at: 0, pitch: 523, length: 0.16, shape: 'triangle' },
    { at: 0.12, pitch: 659, length: 0.16, shape: 'triangle' },
    { at: 0.24, pitch: 784, length: 0.4, shape: 'triangle' },
  ],
  lose: [
    { at: 0, pitch: 330, to: 311, length: 0.22, shape: 'triangle' },
    { at: 0.2, pitch: 247, to: 196, length: 0.5, shape: 'triangle' },
  ],
  draw: [
    { at: 0, pitch: 392, length: 0.14, shape: 'triangle' },
    { at: 0.18, pitch: 392, length: 0.2, shape: 'triangle' },
  ],
};

/** How each cue is felt: ms of vibration and pauses in turn. @type {Partial<Record<Cue, number[]>>} */
const PULSES = { start: [30], choose: [10], win: [20, 60, 20, 60, 60], lose: [80], draw: [20, 60, 20] };

/** A streak raises the tune by a semitone for each win, up to an octave. */
const HIGHEST = 12;

/**
 * Plays a cue.
 * @param {any} context an AudioContext @param {Cue} cue @param {number} streak wins in a row, for the tune of a win
 */
function play(context, cue, streak) {
  const up = cue === 'win' ? 2 ** (Math.min(Math.max(streak - 1, 0), HIGHEST) / 12) : 1;
  for (const { at, pitch, to = pitch, length, shape = 'sine', loud = 0.3 } of NOTES[cue]) {
    const start = context.currentTime + at;
    const tone = context.createOscillator();
    const gain = context.createGain();
    tone.type = shape;
    tone.frequency.setValueAtTime(pitch * up, start);
    tone.frequency.exponentialRampToValueAtTime(to * up, start + length);
    // A note that begins or ends at once clicks; an exponential cannot reach zero.
    gain.gain.setValueAtTime(0.0001, start);
    gain.gain.exponentialRampToValueAtTime(loud, start + 0.01);
    gain.gain.exponentialRampToValueAtTime(0.0001, start + length);
    tone.connect(gain);
    gain.connect(context.destination);
    tone.start(start);
    tone.stop(start + length + 0.05);
  }
}

module.exports = { play, PULSES };
