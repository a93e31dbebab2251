// @ts-check
// What beats what, as the protocol has it; the server decides, this only says in words what it decided.

/** @typedef {'win' | 'lose' | 'draw'} Outcome */
/** @typedef {{uid: string, hand: number | null, score: number, left: boolean}} Shown */

/** Hands by their number on the wire. */
const HANDS = /** @type {const} */ ({ 1: 'scissors', 2: 'rock', 3: 'paper' });
/** Faces by their number on the wire. */
const FACES = /** @type {const} */ ({ 1: 'laughing', 2: 'crying', 3: 'angry', 4: 'smirking' });

/** Each hand and the one it beats. @type {Record<number, number>} */
const BEATS = { 1: 3, 2: 1, 3: 2 };

/** 1 if a beats b, -1 if b beats a, else 0. @param {Shown} a @param {Shown} b */
function compare(a, b) {
  if (a.left !== b.left) return a.left ? -1 : 1;
  if (a.hand === b.hand) return 0;
  if (a.hand === null) return -1;
  if (b.hand === null) return 1;
  return BEATS[a.hand] === b.hand ? 1 : -1;
}

/**
 * How a round ended for one of its players. A round that scored was won; otherwise the hands tell a loss from a draw.
 * @param {Shown} mine @param {Shown[]} all
 * @returns {Outcome}
 */
function settle(mine, all) {
  if (mine.score > 0) return 'win';
  const balance = all.filter(({ uid }) => uid !== mine.uid).reduce((sum, other) => sum + compare(mine, other), 0);
  return balance < 0 ? 'lose' : 'draw';
}

module.exports = { HANDS, FACES, compare, settle };
