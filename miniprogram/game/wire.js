// @ts-check
// The server's payloads, read with suspicion: what is not as the protocol has it is left out.

const { plain } = require('./names.js');

/**
 * @typedef {{uid: string, name: string, picture: string, robot: boolean, total: number, streak: number}} Seat
 * @typedef {{uid: string, hand: number | null, score: number, total: number, streak: number, left: boolean}} Line
 *   `hand` is null for who showed none; `left`: went away during the round
 */

/** The `users` of `room`, the `roomUsers` of `start`. @param {unknown} users @returns {Seat[]} */
function readSeats(users) {
  return entries(users).map(({ uid, uname, uavatar, robot, totalScore, winStreak }) => ({
    uid,
    name: plain(String(uname || '')),
    picture: String(uavatar || ''),
    robot: robot === true,
    total: Number(totalScore) || 0,
    streak: Number(winStreak) || 0,
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

module.exports = { readSeats, readLines, restartDelay };
