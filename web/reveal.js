// The moment in which a round is decided: one, two, three, and both hands open. Then petals for who has won.

import { element } from './dom.js';

/** How long a beat is, in ms. With what follows, all of it is over within 1.5 s. */
const BEAT = 220;
const BEATS = 3;
const PETALS = 16;
const FALL = 800;

/** Whether things may move. */
export function lively() {
  return !matchMedia('(prefers-reduced-motion: reduce)').matches;
}

export class Reveal {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** The beat it is at; null while there is none. @type {number | null} */
  beat = null;

  /** @param {() => void} beaten also when it is over */
  constructor(beaten) {
    this.beaten = beaten;
  }

  /** The first beat is now. */
  begin() {
    this.#strike(0);
  }

  /** Ends it without a word. */
  stop() {
    clearTimeout(this.#timer);
    this.beat = null;
  }

  /** @param {number} beat */
  #strike(beat) {
    this.beat = beat < BEATS ? beat : null;
    if (this.beat !== null) this.#timer = setTimeout(() => this.#strike(beat + 1), BEAT);
    if (beat > 0) this.beaten();
  }
}

/** Petals, from the middle of this element. @param {Element} from */
export function petals(from) {
  const { x, y, width, height } = from.getBoundingClientRect();
  for (let i = 0; i < PETALS; i += 1) {
    const petal = element('i', { class: 'petal', 'aria-hidden': 'true' });
    document.body.append(petal);
    const angle = (2 * Math.PI * (i + Math.random())) / PETALS;
    const far = Math.max(width, 90) * (0.7 + 0.7 * Math.random());
    const at = (/** @type {number} */ share, /** @type {number} */ fall) => (
      `translate(${x + width / 2 + far * share * Math.cos(angle)}px, ${y + height / 2 + far * share * Math.sin(angle) + fall}px) rotate(${share * 400}deg)`);
    const flight = petal.animate([
      { transform: at(0, 0), opacity: 1 },
      { transform: at(0.9, 0), opacity: 1, offset: 0.5 },
      { transform: at(1, far * 0.5), opacity: 0 },
    ], { duration: FALL, easing: 'cubic-bezier(.1, .7, .4, 1)' });
    flight.onfinish = () => petal.remove();
    flight.oncancel = () => petal.remove();
  }
}
