// @ts-check
// A round as one client sees it: how it begins, goes on over another connection, and what its end means. Pure.

const { settle } = require('./rules.js');
const { readSeats } = require('./wire.js');

/** How long `result` may be late, in ms. */
const RESULT_GRACE = 4000;
/** A round that ends so much later than the one we know, in ms, is another. */
const ANOTHER = 1000;

/**
 * @typedef {import('./game.js').Playing} Playing
 * @typedef {import('./wire.js').Seat} Seat
 * @typedef {import('./wire.js').Line} Line
 * @typedef {import('./wire.js').Standing} Standing
 */

/**
 * The round of a `start`; null where it is none of ours.
 * @param {{gameTime?: unknown, roomUsers?: unknown, choice?: unknown, lock?: unknown}} start @param {string} uid mine @param {number} now
 * @returns {Playing | null}
 */
function begun({ gameTime, roomUsers, choice, lock }, uid, now) {
  const seats = readSeats(roomUsers);
  if (typeof gameTime !== 'number' || seats.length < 2 || !seats.some((seat) => seat.uid === uid)) return null;
  const endsAt = now + gameTime * 1000;
  const hand = typeof choice === 'number' ? choice : null;
  return {
    name: 'playing', seats, startedAt: now, endsAt, hand, locked: lock === true && hand !== null,
    moves: Object.create(null), left: Object.create(null), counted: Math.ceil(gameTime), resultBy: endsAt + RESULT_GRACE, resendAt: null,
  };
}

/** Whether this is the round we know, on a new connection. @param {import('./game.js').Stage} known @param {Playing} told */
function isSame(known, told) {
  return known.name === 'playing' && told.endsAt <= known.endsAt + ANOTHER
    && told.seats.every(({ uid }) => known.seats.some((seat) => seat.uid === uid));
}

/**
 * The round we know goes on as the server tells it.
 * @param {Playing} known @param {Playing} told
 * @returns {boolean} whether our hand is still to be said
 */
function goOn(known, { seats, endsAt, counted, resultBy, hand, locked }) {
  Object.assign(known, { seats, endsAt, counted, resultBy, resendAt: null });
  // A hand that is locked there was locked in another window, or by us.
  if (locked || known.hand === null) Object.assign(known, { hand, locked });
  return known.hand !== hand || known.locked !== locked;
}

/**
 * What the end of a round means for a player.
 * @param {Line[]} lines @param {Seat[]} seats as they were at the start @param {Line} mine @param {Standing | null} standing as the
 *   server told it last @param {boolean} missed the server has counted this round in it
 */
function concluded(lines, seats, mine, standing, missed) {
  const { best, rounds, wins } = standing || { best: 0, rounds: null, wins: 0 };
  const { total, streak } = seats.filter(({ uid }) => uid === mine.uid)[0] || mine;
  const outcome = settle(mine, lines);
  const more = missed ? 0 : 1;
  const isBest = missed && mine.streak === best && mine.streak > 1;
  return {
    outcome,
    before: {
      total: Math.min(total, mine.total - mine.score), streak, best: isBest ? mine.streak - 1 : Math.max(best, streak), rounds, wins,
    },
    standing: {
      total: mine.total, streak: mine.streak, best: Math.max(best, mine.streak),
      rounds: rounds === null ? null : rounds + more, wins: outcome === 'win' ? wins + more : wins,
    },
    friends: seats.filter(({ uid, robot }) => !robot && uid !== mine.uid && lines.some((line) => line.uid === uid && !line.left)),
  };
}

/** When the next second of a round begins to be its last but n. @param {Playing} round */
function nextCount({ counted, endsAt }) {
  return counted > 0 ? endsAt - (counted - 1) * 1000 : null;
}

module.exports = { RESULT_GRACE, begun, isSame, goOn, concluded, nextCount };
