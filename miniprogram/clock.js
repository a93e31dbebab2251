// @ts-check
// A clock that never goes back, on a device whose clock may be set.

/** @param {() => number} wall ms, as `Date.now` @returns {() => number} ms since the first call */
function steady(wall) {
  let last = wall();
  let sum = 0;
  return () => {
    const now = wall();
    sum += Math.max(0, now - last);
    last = now;
    return sum;
  };
}

module.exports = { steady };
