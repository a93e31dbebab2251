// Measures what is promised of lost connections and of friends, on the real server; no test, and not part of `make test`:
//
//   WULIN_BIN=target/debug/wulin node tests/pages/measure.mjs [TIMES]
//
// Two clients as the page has them (game/game.js and its driver, over native WebSockets), no browser: so 50 of each take minutes.

import { createRequire } from 'node:module';
import { startRelay } from '../clients/relay.mjs';
import { startServer } from '../clients/server.mjs';

const require = createRequire(import.meta.url);
const { WebSocket } = require('ws');
const { Game } = require('../../miniprogram/game/game.js');
const { drive } = require('../../miniprogram/game/player.js');
const { backoff } = require('../../miniprogram/socketio/backoff.js');

const TIMES = Number(process.argv[2] ?? 50);
/** So many at a time: they mostly wait. */
const AT_ONCE = 10;
const PATIENCE = 30_000;

/** A player on a wire; the connection comes back as the page's does. */
class Client {
  constructor(url, uid) {
    this.url = url.replace(/^https/, 'wss');
    this.attempt = 0;
    this.game = new Game({ person: { uid, name: uid, picture: '' }, freshUid: () => `${uid}-again`, guestName: () => 'Guest' });
    this.waiting = new Set();
    this.player = drive(this.game, this, { changed: () => this.look(), cue() {}, keep() {}, remember() {} }, () => performance.now());
  }

  listen(listener) { this.listener = listener; }

  send(event, data) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ event, data }));
  }

  dial() {
    clearTimeout(this.timer);
    const socket = new WebSocket(`${this.url}/applet/websocket`, { rejectUnauthorized: false });
    this.socket = socket;
    socket.on('open', () => socket === this.socket && this.listener.opened());
    socket.on('message', (text) => {
      if (socket !== this.socket) return;
      this.attempt = 0;
      const { event, data } = JSON.parse(String(text));
      this.listener.received(event, data);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      if (socket !== this.socket) return;
      this.socket = null;
      this.timer = setTimeout(() => this.dial(), backoff(this.attempt));
      this.attempt += 1;
      this.listener.closed();
    });
  }

  redial() {
    this.stop();
    this.dial();
  }

  hurry() {
    if (!this.socket) this.dial();
  }

  stop() {
    clearTimeout(this.timer);
    const { socket } = this;
    this.socket = null;
    socket?.terminate();
  }

  look() {
    for (const [wanted, done] of this.waiting) if (wanted(this.game)) done();
  }

  /** Resolves once the game is as is asked. */
  until(wanted) {
    if (wanted(this.game)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => done(new Error(`still ${this.game.link}, ${this.game.stage.name}, ${this.game.note}`)), PATIENCE);
      const entry = [wanted, () => done()];
      const done = (error) => {
        clearTimeout(timer);
        this.waiting.delete(entry);
        if (error) reject(error);
        else resolve();
      };
      this.waiting.add(entry);
    });
  }

  at(name) { return this.until(({ stage }) => stage.name === name); }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const faces = (one, two) => [one, two].every(({ game }, i, both) => game.stage.seats?.some(({ uid }) => uid === both[1 - i].game.person.uid));

/** Two on a server of their own, in a round; the first behind a relay. */
async function inARound(flags, body) {
  const server = await startServer({ 'robot-wait': '1s', 'rematch-wait': '8s', ...flags });
  const relay = await startRelay(server.url);
  const [one, two] = [new Client(relay.url, 'one'), new Client(server.url, 'two')];
  try {
    await Promise.all([one, two].map((client) => client.until(({ link }) => link === 'online')));
    one.player.play();
    two.player.play();
    await Promise.all([one.at('playing'), two.at('playing')]);
    return faces(one, two) ? await body(one, two, relay) : 'did not meet at the start';
  } catch (error) {
    return error.message;
  } finally {
    one.stop();
    two.stop();
    relay.close();
    await server.stop();
  }
}

/** What a cut of so long in a round costs: nothing, or in words what. */
const cut = (ms) => () => inARound({ 'game-time': '5s' }, async (one, two, relay) => {
  one.player.choose(2);
  two.player.choose(1);
  await pause(300 + 1000 * Math.random());
  relay.cut();
  await pause(ms);
  relay.mend();
  await Promise.all([one.at('result'), two.at('result')]);
  const { stage, standing } = one.game;
  if (stage.outcome !== 'win' || two.game.stage.outcome !== 'lose') return `${stage.outcome}, ${two.game.stage.outcome}`;
  return standing.total === 1 && standing.streak === 1 ? '' : `score ${standing.total}`;
});

/** Whether two meet who tap "again" so many ms apart. */
const apart = (ms) => () => inARound({ 'game-time': '2s' }, async (one, two) => {
  for (const [client, hand] of [[one, 2], [two, 1]]) {
    client.player.choose(hand);
    client.player.lock();
  }
  await Promise.all([one.at('result'), two.at('result')]);
  const [first, second] = Math.random() < 0.5 ? [one, two] : [two, one];
  first.player.play();
  await pause(ms);
  second.player.play();
  await Promise.all([one.at('playing'), two.at('playing')]);
  return faces(one, two) ? '' : 'a robot';
});

async function measure(what, cases) {
  const costs = [];
  const left = [...cases];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let next = left.pop(); next; next = left.pop()) costs.push(await next());
  }));
  const bad = costs.filter((cost) => cost !== '');
  console.log(`${what}: ${costs.length - bad.length} of ${costs.length}${bad.length > 0 ? ` (${[...new Set(bad)].join('; ')})` : ''}`);
}

const times = (body) => Array.from({ length: TIMES }, (_, n) => body(n));
for (const ms of [1000, 2000, 4000]) await measure(`cut for ${ms / 1000} s in a round, and nothing lost`, times(() => cut(ms)));
await measure('friends who tap within 8 s of each other, and meet', times((n) => apart((7_900 * n) / Math.max(TIMES - 1, 1))));
process.exit(0);
