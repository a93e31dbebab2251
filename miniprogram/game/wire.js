// @ts-check
// The server's payloads, read with suspicion: what is not as the protocol has it is left out.

const { plain } = require('./names.js');

/**
 * @typedef {{uid: string, name: string, picture: string, robot: boolean, total: number, streak: number, locked: boolean, away: boolean}} Seat
 *   `locked`: the hand stays; `away`: the connection is lost, the seat is not
 * @typedef {{uid: string, hand: number | null, score: number, total: number, streak: number, left: boolean}} Line
 *   `hand` is null for who showed none; `left`: went away during the round
 */

/** The `users` of `room`, the `roomUsers` of `start`. @param {unknown} users @returns {Seat[]} */
function readSeats(users) {
  return entries(users).map(({ uid, uname, uavatar, robot, totalScore, winStreak, locked, away, name, picture, total, streak }) => ({
    uid,
    // Under the second names it is a seat that was read before, and kept.
    name: plain(String(uname || name || '')),
    picture: String(uavatar || picture || ''),
    robot: robot === true,
    total: Number(totalScore || total) || 0,
    streak: Number(winStreak || streak) || 0,
    locked: locked === true,
    away: away === true,
  }));
}

/** The `result` of `result`. @param {unknown} result @param {Record<string, true>} left who was seen to leave @returns {Line[]} */
function readLines(result, left) {
  return entries(result).map(({ uid, choice, roundScore, totalScore, winStreak }) => ({
    uid,
    hand: typeof choice === 'number' ? choice : null,
    score: Number(roundScore) || 0,
    total: Number(totalScore) || 0,
    streak: Number(winStreak) || 0,
    left: left[uid] === true,
  }));
}

/** @typedef {{total: number, streak: number, best: number, rounds: number | null, wins: number}} Standing rounds: null where not told */

/** What `hi` says of a player's score; null where it says nothing. @param {any} hi @returns {Standing | null} */
function readStanding({ totalScore, winStreak, bestStreak, rounds, wins }) {
  if (typeof totalScore !== 'number' || typeof winStreak !== 'number') return null;
  return {
    total: totalScore,
    streak: winStreak,
    best: Math.max(Number(bestStreak) || 0, winStreak),
    rounds: typeof rounds === 'number' ? rounds : null,
    wins: Number(wins) || 0,
  };
}

/** Somebody of whom no more is known than a line of a result. @param {Line} line @returns {Seat} */
function stranger({ uid, total, streak }) {
  return { uid, name: '', picture: '', robot: uid.startsWith(ROBOT), total, streak, locked: false, away: false };
}

/** What the uids of robots begin with. */
const ROBOT = 'robot:';

/** The longest that a server may keep us away, in ms. */
const LONGEST_ABSENCE = 60000;

/** The `delay` of `restart`, in ms: so long after the connection has closed we may come back. @param {any} data @returns {number} */
function restartDelay(data) {
  const delay = data && Number(data.delay);
  return delay > 0 ? Math.min(delay, LONGEST_ABSENCE) : 0;
}

/** Those of a list that say whom they are about. @param {unknown} list @returns {any[]} */
function entries(list) {
  return Array.isArray(list) ? list.filter((entry) => entry && typeof entry.uid === 'string') : [];
}

module.exports = { readSeats, readLines, readStanding, stranger, restartDelay };
