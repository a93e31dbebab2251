// @ts-check
// Whether the place is told, and the place itself once the phone knows it.

const { coarse } = require('./game/person.js');

/** How long the phone may look for itself, and its owner think about it, in ms. */
const TIMEOUT = 30000;

class Place {
  /**
   * @param {(place: import('./game/game.js').Place | null) => void} tell
   * @param {(denied: boolean) => void} failed there is no place: by its owner's wish, or because the phone does not know
   */
  constructor(tell, failed) {
    this.wanted = false;
    this._tell = tell;
    this._failed = failed;
    /** Grows with every wish: what the phone answers to an earlier one is for nobody. */
    this._wish = 0;
    /** @type {ReturnType<typeof setTimeout>} */
    this._timer = 0;
  }

  /** @param {boolean} wanted */
  want(wanted) {
    this._wish += 1;
    clearTimeout(this._timer);
    this.wanted = wanted;
    if (!wanted) return this._tell(null);
    const wish = this._wish;
    /** @type {<Answer>(action: (answer: Answer) => void) => (answer: Answer) => void} */
    const whileWanted = (action) => (answer) => {
      if (wish !== this._wish) return;
      clearTimeout(this._timer);
      this._wish += 1;
      action(answer);
    };
    const fail = whileWanted((/** @type {{errMsg: string}} */ { errMsg }) => {
      this.wanted = false;
      this._failed(/auth|den(y|ied)|privacy/.test(errMsg));
    });
    this._timer = setTimeout(() => fail({ errMsg: 'timeout' }), TIMEOUT);
    /** @type {(position: {latitude: number, longitude: number}) => void} */
    const success = whileWanted((position) => this._tell(coarse(position)));
    wx.getFuzzyLocation({ type: 'wgs84', success, fail });
  }
}

module.exports = { Place };
