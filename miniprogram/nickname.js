// @ts-check
// A name on its way from the field to the game. WeChat looks at it first (`bindnicknamereview`), and may answer late, before
// the field is left, to a page that is gone, or never.

const { tidyName } = require('./game/person.js');

/** How long WeChat may take, in ms; then the name is taken. Less than the 5 s after which scripts stop in the background. */
const REVIEW_TIMEOUT = 3000;
/** The same, once the page is gone: an answer may still be on its way, but most likely none comes. */
const LAST_CALL = 500;

/** @typedef {{name: string, before: string, timer: ReturnType<typeof setTimeout>}} Asked `before`: the name until then */

class Nickname {
  /**
   * @param {object} owner
   * @param {() => string} owner.current the name in use
   * @param {(name: string) => void} owner.take
   * @param {(name: string) => void} owner.refused this name, by WeChat
   */
  constructor(owner) {
    this._owner = owner;
    /** What is in the field that nobody has left. @type {string | null} */
    this._typed = null;
    /** What was typed last and is not taken yet. @type {string | null} */
    this._wanted = null;
    /** Names that WeChat was asked about, in that order. @type {Asked[]} */
    this._asked = [];
    /** The one that was taken without an answer. @type {Asked | null} */
    this._unanswered = null;
    this._refused = '';
    /** The one that was answered before its field was left. @type {string | null} */
    this._early = null;
  }

  /** Whether something was typed that is not decided yet. */
  get open() {
    return this._typed !== null || this._wanted !== null;
  }

  /** The field is not left yet. @param {string} text */
  typed(text) {
    this._typed = text;
  }

  /** The field is left. @param {string} text @returns {string} what it is to show: the new name, or the one in use */
  left(text) {
    this._typed = null;
    const before = this._owner.current();
    const name = tidyName(text);
    if (name === before) this._wanted = null;
    else if (name && name !== this._refused) this._wanted = name;
    if (name && this._early === name) this._take(name);
    else if (name) this._ask({ name, before, timer: 0 });
    this._early = null;
    return this._wanted === null ? this._owner.current() : this._wanted;
  }

  /** The page is hidden: what is typed is not lost. */
  hidden() {
    if (this._typed !== null) this.left(this._typed);
  }

  /** The page is gone: what is typed is not lost, and hardly an answer is to be expected any more. */
  gone() {
    this.hidden();
    for (const asked of this._asked) this._expire(asked, LAST_CALL);
  }

  /** WeChat has looked at a name: the one it was asked about first. @param {{pass: boolean, timeout: boolean}} review */
  reviewed({ pass, timeout }) {
    const good = pass || timeout;
    const asked = this._asked.shift();
    if (asked) {
      clearTimeout(asked.timer);
      if (good) this._take(asked.name);
      else this._refuse(asked.name);
    } else if (this._unanswered) {
      const { name, before } = this._unanswered;
      this._unanswered = null;
      if (good) return;
      if (this._owner.current() === name) this._owner.take(before);
      this._refuse(name);
    } else if (this._typed !== null) {
      // The answer comes before the field is left.
      const name = tidyName(this._typed);
      this._early = name;
      if (!good) this._refuse(name);
    }
  }

  /** @param {Asked} asked */
  _ask(asked) {
    this._asked.push(asked);
    this._expire(asked, REVIEW_TIMEOUT);
  }

  /** @param {Asked} asked @param {number} timeout */
  _expire(asked, timeout) {
    clearTimeout(asked.timer);
    asked.timer = setTimeout(() => {
      this._asked = this._asked.filter((other) => other !== asked);
      if (this._take(asked.name)) this._unanswered = asked;
    }, timeout);
  }

  /** Unless another one has been typed since. @param {string} name */
  _take(name) {
    if (name !== this._wanted) return false;
    this._wanted = null;
    this._owner.take(name);
    return true;
  }

  /** @param {string} name */
  _refuse(name) {
    this._refused = name;
    if (name === this._wanted) this._wanted = null;
    this._owner.refused(name);
  }
}

module.exports = { LAST_CALL, Nickname, REVIEW_TIMEOUT };
