// The rules of the game, as PROTOCOL.md has them, to hold a server's results against.

import assert from 'node:assert/strict';

export const SCISSORS = 1;
export const ROCK = 2;
export const PAPER = 3;
const HANDS = [SCISSORS, ROCK, PAPER];

/** The hand that beats `hand`. */
export function beating(hand) {
  return (hand % 3) + 1;
}

/** The hand that `hand` beats. */
export function beatenBy(hand) {
  return beating(beating(hand));
}

/** 1 when `mine` wins, -1 when it loses. A player is `{choice, left}`. */
function duel(mine, theirs) {
  if (mine.left || theirs.left) return Number(theirs.left) - Number(mine.left);
  if (mine.choice === theirs.choice) return 0;
  if (mine.choice === null) return -1;
  if (theirs.choice === null) return 1;
  return mine.choice === beating(theirs.choice) ? 1 : -1;
}

const isScore = (value) => Number.isInteger(value) && value >= 0;

export function checkHi(hi) {
  assert.equal(hi.message, 'welcome');
  assert.ok(isScore(hi.nearby), `nearby is a number of people: ${JSON.stringify(hi)}`);
  assert.ok(typeof hi.token === 'string' && hi.token !== '', 'hi carries a token');
}

/** Whether somebody else wants a rematch, or does no longer: one is told of that room without having a seat in it. */
export function isInvitation({ users, rematch }, uid) {
  return !users.some((user) => user.uid === uid) && (users.length === 0 || users.some((user) => user.uid === rematch));
}

export function checkRoom(room, uid) {
  assert.ok(['string', 'number'].includes(typeof room.roomId), `a room has an id: ${JSON.stringify(room)}`);
  assert.equal(typeof room.full, 'boolean');
  const me = room.users.find((user) => user.uid === uid);
  assert.ok(me, `${uid} is in the room it is told of: ${JSON.stringify(room)}`);
  for (const user of room.users) {
    assert.equal(typeof user.uname, 'string');
    assert.equal(typeof user.uavatar, 'string');
    assert.equal(typeof user.ready, 'boolean');
  }
}

export function checkStart(start, uid) {
  assert.ok(start.gameTime > 0, 'a round lasts some seconds');
  const uids = start.roomUsers.map((user) => user.uid);
  assert.equal(new Set(uids).size, 2, `two different players: ${uids}`);
  assert.ok(uids.includes(uid), `${uid} plays in its own room: ${uids}`);
  for (const user of start.roomUsers) {
    assert.match(user.uname, user.robot ? /^[木铜]人·/ : /^武 .* 🀄$|^Li/, 'a name comes across as it was given');
    assert.equal(typeof user.uavatar, 'string');
    assert.ok(isScore(user.totalScore) && isScore(user.winStreak), `scores at the start: ${JSON.stringify(user)}`);
    assert.ok(!('choice' in user), 'nobody has a hand at the start');
  }
}

/** A movement says that somebody moved, and a face which one, but never a hand. */
export function checkMovement(movement) {
  assert.ok(['choice', 'face'].includes(movement.movement), JSON.stringify(movement));
  for (const secret of ['choice', 'hand']) {
    assert.ok(!(secret in movement), `a movement keeps the hand secret: ${JSON.stringify(movement)}`);
  }
}

/** Compares a result with what the rules make of its own choices and of the scores at the start. */
export function checkResult({ result }, start, left = []) {
  const uids = start.roomUsers.map((user) => user.uid);
  assert.deepEqual(result.map((entry) => entry.uid).sort(), [...uids].sort(), 'everyone who started is in the result');
  const players = result.map((entry) => ({ choice: entry.choice, left: left.includes(entry.uid) }));
  result.forEach((entry, index) => {
    const said = JSON.stringify(result);
    assert.ok(entry.choice === null || HANDS.includes(entry.choice), `a hand or null: ${said}`);
    const before = start.roomUsers.find((user) => user.uid === entry.uid);
    const others = players.filter((_, other) => other !== index);
    const wins = others.reduce((sum, other) => sum + duel(players[index], other), 0);
    const winStreak = wins > 0 ? before.winStreak + 1 : 0;
    const roundScore = wins > 0 ? wins * winStreak : 0;
    assert.deepEqual(
      { winStreak: entry.winStreak, roundScore: entry.roundScore, totalScore: entry.totalScore },
      { winStreak, roundScore, totalScore: before.totalScore + roundScore },
      `${entry.uid} got what the rules say, in ${said}`,
    );
  });
}
