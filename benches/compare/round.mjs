// Two people play one round by the client library of a version, to check that a stack plays the game it is measured with:
// `node round.mjs VERSION PORT`, VERSION 2 or 4. The libraries are those of tests/clients.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const PATIENCE = 15_000;
const [version, port] = process.argv.slice(2);
const require = createRequire(new URL('../../tests/clients/', import.meta.url));
const library = require(`socket.io-client-${version}`);
const connect = library.io ?? library;

const late = setTimeout(() => {
  console.error('no round within 15 s');
  process.exit(1);
}, PATIENCE);

/** Plays one round as one player, and returns the events it received, in order, and its result. */
async function play(uid, choice) {
  const socket = connect(`https://localhost:${port}`, {
    path: '/applet/websocket/socket.io', transports: ['websocket'], rejectUnauthorized: false, forceNew: true,
  });
  const told = (event) => new Promise((resolve) => socket.once(event, resolve));
  await told('connect');
  const [hi, start, movement, result] = ['hi', 'start', 'movement', 'result'].map(told);
  socket.emit('hello', { user: { uid, uname: uid, uavatar: '' } });
  assert.equal((await hi).message, 'welcome');
  socket.emit('join');
  const { gameTime, roomUsers } = await start;
  const began = Date.now();
  assert.equal(roomUsers.length, 2);
  socket.emit('choice', { choice });
  assert.equal((await movement).movement, 'choice');
  const lines = (await result).result;
  assert.ok(Math.abs(Date.now() - began - gameTime * 1000) < 500, 'the round lasts as long as it says');
  socket.close();
  return lines;
}

const results = await Promise.all([play('rock', 2), play('scissors', 1)]);
for (const lines of results) {
  const score = Object.fromEntries(lines.map(({ uid, roundScore }) => [uid, roundScore]));
  assert.deepEqual(score, { rock: 1, scissors: 0 });
}
clearTimeout(late);
console.log(`a round by socket.io-client ${version}`);
