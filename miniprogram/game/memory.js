// @ts-check
// What a device remembers of its rounds: so a page that is loaded again knows out of which round it came, tells a result once,
// and goes on counting against the same opponent.

const { readSeats } = require('./wire.js');

/** A round that began longer ago, in ms, is nothing to speak of any more. */
const ROUND_KEPT = 600000;
/** Against so many opponents is counted. */
const OPPONENTS = 8;

/**
 * @typedef {{seats: import('./wire.js').Seat[], rounds: number | null}} Unfinished a round whose end has not been seen, and how many
 *   had been played before it
 * @typedef {[string, number, number]} Tally an opponent's uid, my wins, theirs
 * @typedef {{round: Unfinished | null, seen: string, tallies: Tally[], at?: number}} Memory
 *   seen: the result that was shown last; at: when this was kept, in ms since 1970
 */

/** @returns {Memory} */
function nothing() {
  return { round: null, seen: '', tallies: [] };
}

/** @param {any} kept whatever has become of it @param {number} now ms since 1970 @returns {Memory} */
function recall(kept, now) {
  if (typeof kept !== 'object' || kept === null) return nothing();
  const { round, seen, tallies, at } = kept;
  const isFresh = typeof at === 'number' && Math.abs(now - at) < ROUND_KEPT;
  const seats = round && isFresh ? readSeats(round.seats) : [];
  const counts = (/** @type {any} */ tally) => (
    Array.isArray(tally) && typeof tally[0] === 'string' && tally.slice(1).every(Number.isInteger) && tally.length === 3);
  return {
    round: seats.length > 1 ? { seats, rounds: typeof round.rounds === 'number' ? round.rounds : null } : null,
    seen: typeof seen === 'string' ? seen : '',
    tallies: Array.isArray(tallies) ? tallies.filter(counts).slice(-OPPONENTS) : [],
  };
}

/** @param {Memory} memory @param {string} uid @returns {[number, number]} my wins, theirs */
function tallyOf({ tallies }, uid) {
  const [, mine = 0, theirs = 0] = tallies.filter(([other]) => other === uid)[0] || [];
  return [mine, theirs];
}

/** One more round against this one. @param {Memory} memory @param {string} uid @param {import('./rules.js').Outcome} outcome mine */
function count(memory, uid, outcome) {
  const [mine, theirs] = tallyOf(memory, uid);
  const others = memory.tallies.filter(([other]) => other !== uid).slice(1 - OPPONENTS);
  memory.tallies = [...others, [uid, mine + (outcome === 'win' ? 1 : 0), theirs + (outcome === 'lose' ? 1 : 0)]];
}

module.exports = { nothing, recall, tallyOf, count };
