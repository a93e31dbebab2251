// The browser's Back in a round: it asks, as the button does. A round is an entry of the history, and gone when it is over.

export class Back {
  #playing = false;
  /** Whether an entry is being taken off by us. */
  #popping = false;

  /** @param {() => void} ask */
  constructor(ask) {
    this.ask = ask;
    addEventListener('popstate', () => this.#popped());
  }

  /** @param {boolean} playing */
  round(playing) {
    this.#playing = playing;
    if (this.#popping || playing === inRound()) return;
    if (playing) return history.pushState({ round: true }, '');
    this.#popping = true;
    history.back();
  }

  #popped() {
    const ours = this.#popping;
    this.#popping = false;
    if (!this.#playing || inRound()) return;
    history.pushState({ round: true }, '');
    if (!ours) this.ask();
  }
}

/** Whether the entry we are at is that of a round; also of one in which the page was loaded again. */
function inRound() {
  return history.state?.round === true;
}
