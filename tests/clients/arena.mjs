// One test's server with its players, and the rounds they play there.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Player, somewhere } from './player.mjs';
import { startRelay } from './relay.mjs';
import { checkMovement, checkResult } from './rules.mjs';
import { OWN_SERVER, startServer } from './server.mjs';

/** For rounds between people: both must come before the robot does, and have moved before the time is up. */
export const PATIENT_ROBOT = { 'robot-wait': '5s', 'game-time': '3s' };

/** As many tests at a time, each with its server. On one server for all they would meet each other. */
export const AT_ONCE = { concurrency: OWN_SERVER ? 6 : 1 };

const EARLY = 50;
const LATE = 3_000;

class Arena {
  #relays = [];
  #players = [];

  constructor(server) {
    this.server = server;
    this.place = somewhere();
  }

  /** Connects, and says no more. */
  async guest(kind, options = {}, server = this.server) {
    const player = new Player(kind, { place: this.place, ...options });
    this.#players.push(player);
    await player.connect(server);
    return player;
  }

  /** Connects and says hello. */
  async player(kind, options, server) {
    const player = await this.guest(kind, options, server);
    await player.hello();
    return player;
  }

  /** Players that are about to meet: they connect one after the other, and ask for a seat together. */
  async pair(...kinds) {
    const players = [];
    for (const kind of kinds) players.push(await this.player(kind));
    return players;
  }

  async relay() {
    const relay = await startRelay(this.server.url);
    this.#relays.push(relay);
    return { ...this.server, ...relay };
  }

  async close() {
    for (const player of this.#players) player.client.close();
    for (const relay of this.#relays) relay.close();
    await this.server.stop();
  }

  checkUnbroken() {
    for (const player of this.#players) player.checkUnbroken();
  }
}

/** A test on a server: one with these flags if it can have its own. `own: true` makes no sense on any other. */
export function game(name, { flags, own = false } = {}, body) {
  const skip = own && !OWN_SERVER && 'needs a server with its own flags';
  test(name, { skip, timeout: 90_000 }, async () => {
    const arena = new Arena(await startServer(flags));
    try {
      await body(arena);
      arena.checkUnbroken();
    } catch (error) {
      error.message += `\n${arena.server.log()}`;
      throw error;
    } finally {
      await arena.close();
    }
  });
}

/** Two players take their seats and hear that they play each other. */
export async function meet(one, other) {
  await Promise.all([one.join(), other.join()]);
  const [start] = await Promise.all([one.start(), other.start()]);
  const uids = start.roomUsers.map((user) => user.uid).sort();
  assert.deepEqual(uids, [one.uid, other.uid].sort(), 'they play each other');
  return start;
}

/** Waits for the result that everybody gets, on time, and checks it. */
export async function finish(start, players, left = []) {
  const results = await Promise.all(players.map((player) => player.next('result', undefined, start.gameTime * 1000 + 10_000)));
  for (const player of players) {
    // `start` may reach a busy client late, but no round begins before its players asked for one.
    const due = start.gameTime * 1000;
    const sinceStart = player.lastAt('result') - player.lastAt('start');
    assert.ok(sinceStart < due + LATE, `${player.uid}: a round of ${due} ms took ${sinceStart} ms`);
    // Who is left alone does not wait.
    const full = left.length === 0;
    assert.ok(!full || player.lastAt('result') - player.joinedAt > due - EARLY, `${player.uid}: the round was cut short`);
    player.heard.filter((one) => one.event === 'movement').forEach((one) => checkMovement(one.data));
  }
  for (const result of results) {
    checkResult(result, start, left);
    assert.deepEqual(byUid(result), byUid(results[0]), 'everybody gets the same result');
  }
  return byUid(results[0]);
}

function byUid({ result }) {
  return Object.fromEntries(result.map((entry) => [entry.uid, entry]));
}

/** Sits down alone and plays a whole round against the robot that comes. */
export async function playRobot(player, choice = 2) {
  await player.join();
  const start = await player.start();
  const robots = start.roomUsers.filter((user) => user.robot === true);
  assert.equal(robots.length, 1, `one robot, and it says so: ${JSON.stringify(start.roomUsers)}`);
  assert.notEqual(robots[0].uid, player.uid, 'the robot is the other one');
  player.choose(choice);
  await player.next('movement', (movement) => movement.uid === robots[0].uid);
  const result = await finish(start, [player]);
  assert.equal(result[player.uid].choice, choice);
  assert.notEqual(result[robots[0].uid].choice, null, 'a robot shows a hand');
  player.checkTransport();
  return result;
}
