// @ts-check
// How long a client waits before it tries to connect again.

/** The window of the first delay, in ms. */
const FIRST = 2000;
/** No delay is longer, in ms. */
const LONGEST = 15000;

/**
 * The delay before a try, in ms: from 0.5 s after the first failure up to 15 s. The window doubles with every failure
 * and the delay is anywhere in its last three quarters, so that those who lost one server together come back apart.
 * @param {number} attempt failures since the last connection that worked, from 0
 * @param {() => number} [random] from 0 up to, but not including, 1
 * @returns {number} whole ms
 */
function backoff(attempt, random = Math.random) {
  const window = Math.min(LONGEST, FIRST * Math.pow(2, attempt));
  return Math.round(window * (0.25 + 0.75 * random()));
}

module.exports = { backoff };
