// The client against the real server, in real time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Socket, io } from '../../../miniprogram/socketio/index.js';
import { BASE_PATH, PATIENCE } from '../../clients/clients/client.mjs';
import { makeWx } from '../../clients/clients/wx.mjs';
import { OWN_SERVER, startServer } from '../../clients/server.mjs';
import { NO_SUCH_NAMESPACE } from './fake.mjs';

/** Somebody with the client on a phone, who remembers what was heard. */
class Guest {
  heard = [];
  /** Every frame that came, on whichever task. */
  frames = [];
  #waiting = new Set();

  constructor(server, options = {}) {
    const wx = makeWx();
    const connect = (option) => {
      const task = wx.connectSocket(option);
      this.webSocket = task.socket;
      task.socket.on('message', (data) => this.#note(this.frames, String(data)));
      return task;
    };
    this.socket = new Socket(`${server.url.replace(/^http/, 'ws')}${BASE_PATH}/socket.io/`, { connect, ...options });
    for (const event of ['connect', 'disconnect', 'hi', 'room', 'start', 'movement', 'leave', 'result', 'fault']) {
      this.socket.on(event, (data) => this.#note(this.heard, [event, data]));
    }
    this.socket.open();
  }

  #note(list, entry) {
    list.push(entry);
    this.#waiting.forEach((look) => look());
  }

  /** What `look` finds, as soon as it finds something. */
  until(what, look) {
    return new Promise((resolve, reject) => {
      const silence = () => settle(reject, new Error(`no ${what} in ${PATIENCE} ms: ${JSON.stringify(this.heard)}`));
      const timer = setTimeout(silence, PATIENCE);
      const settle = (how, value) => {
        clearTimeout(timer);
        this.#waiting.delete(tryIt);
        how(value);
      };
      const tryIt = () => {
        const found = look();
        if (found !== undefined) settle(resolve, found);
      };
      this.#waiting.add(tryIt);
      tryIt();
    });
  }

  /** The next such event, taken off what was heard. */
  next(event) {
    return this.until(event, () => {
      const index = this.heard.findIndex(([name]) => name === event);
      return index < 0 ? undefined : this.heard.splice(index, 1)[0];
    }).then(([, data]) => data);
  }

  /** Emits, and resolves with the acknowledgement. */
  ask(...message) {
    return new Promise((resolve, reject) => {
      this.socket.emit(...message, (error, answer) => (error ? reject(error) : resolve(answer)));
    });
  }

  async hello(uid) {
    assert.deepEqual(await this.ask('hello', { user: { uid, uname: '武', uavatar: '' } }), { ok: true });
    assert.equal((await this.next('hi')).message, 'welcome');
  }

  async comeIn(uid) {
    await this.next('connect');
    await this.hello(uid);
  }

  async playRound(uid) {
    assert.deepEqual(await this.ask('join'), { ok: true });
    const { roomUsers } = await this.next('start');
    assert.deepEqual(roomUsers.map((user) => user.uid === uid), [true, false]);
    assert.equal(roomUsers[1].robot, true);
    assert.deepEqual(await this.ask('choice', { choice: 2 }), { ok: true });
    assert.deepEqual(await this.ask('face', { face: 1 }), { ok: true });
    const { result } = await this.next('result');
    assert.equal(result.length, 2);
    assert.equal(result.find((line) => line.uid === uid).choice, 2);
  }

  /** Was never cut off, and never told of a fault. */
  undisturbed() {
    assert.deepEqual(this.heard.filter(([event]) => event === 'disconnect' || event === 'fault'), []);
  }
}

/** A server, and a guest at it; both are gone when the test is over. */
async function visit(t, flags, options) {
  const server = await startServer(flags);
  const guest = new Guest(server, options);
  t.after(async () => {
    guest.socket.close();
    await server.stop();
  });
  return guest;
}

describe('against the real server', { skip: !OWN_SERVER }, () => {
  test('hello, hi, and a whole round with a robot', async (t) => {
    const guest = await visit(t, { 'game-time': '1s' });
    await guest.comeIn('wx-1');
    await guest.playRound('wx-1');
    guest.undisturbed();
  });

  test('what is emitted before there is a connection arrives', async (t) => {
    const guest = await visit(t);
    assert.equal(guest.socket.connected, false);
    await guest.hello('wx-2');
  });

  test('a fault comes as an event, and in the acknowledgement of whoever asked', async (t) => {
    const guest = await visit(t);
    await guest.comeIn('wx-3');
    guest.socket.emit('choice', { choice: 9 });
    const { event, code } = await guest.next('fault');
    assert.deepEqual([event, typeof code], ['choice', 'string']);
    const answer = await guest.ask('choice', { choice: 9 });
    assert.deepEqual([answer.ok, answer.code], [false, code]);
    assert.deepEqual(await guest.ask('join'), { ok: true }, 'and nothing else has changed');
  });

  test('it comes back by itself when the server does', async (t) => {
    const first = await startServer({ 'game-time': '1s' });
    const { port } = new URL(first.url);
    const guest = new Guest(first, { random: () => 0 });
    t.after(() => guest.socket.close());
    await guest.comeIn('wx-4');
    assert.deepEqual(await guest.ask('join'), { ok: true });
    await guest.next('start');
    await first.stop();
    await guest.next('disconnect');
    assert.equal(guest.socket.connected, false);
    guest.heard.splice(0);

    const second = await startServer({ port, 'game-time': '1s' });
    t.after(() => second.stop());
    assert.equal(second.url, first.url);
    await guest.comeIn('wx-4');
    await guest.playRound('wx-4');
  });

  test('it lives through the pings of the server, and the server believes it', async (t) => {
    // The next ping comes only after the answer to the last.
    const guest = await visit(t, { 'ping-interval': '300ms', 'ping-timeout': '10s' });
    await guest.comeIn('wx-5');
    await guest.until('five pings', () => (guest.frames.filter((text) => text === '2').length >= 5 ? true : undefined));
    assert.deepEqual(await guest.ask('join'), { ok: true });
    guest.undisturbed();
  });

  test('it finds a server gone that no longer says anything', async (t) => {
    const guest = await visit(t, { 'ping-interval': '300ms', 'ping-timeout': '1s' }, { random: () => 0 });
    await guest.comeIn('wx-6');
    const { webSocket } = guest;
    t.after(() => webSocket.terminate());
    webSocket.pause();
    assert.equal(await guest.next('disconnect'), 'ping timeout');
    await guest.comeIn('wx-6b');
  });

  for (const EIO of [3, 4]) {
    test(`by io, with auth and query, in Engine.IO ${EIO}: it has an id, is answered, and stays`, async (t) => {
      const server = await startServer();
      const { connectSocket: connect } = makeWx();
      const options = { path: `${BASE_PATH}/socket.io`, EIO, auth: { any: 1 }, query: { room: 'a&武' }, connect };
      const socket = io(server.url, options);
      t.after(async () => {
        socket.disconnect();
        await server.stop();
      });
      const ends = [];
      socket.on('disconnect', (reason) => ends.push(reason));
      await new Promise((resolve) => { socket.once('connect', resolve); });
      assert.match(socket.id, /^\S{10,}$/);
      assert.deepEqual(await socket.emitWithAck('hello', { user: { uid: `wx-io-${EIO}`, uname: '武', uavatar: '' } }), { ok: true });
      socket.sleep();
      socket.wake();
      assert.deepEqual(await socket.emitWithAck('join'), { ok: true });
      assert.deepEqual(ends, []);
    });
  }

  test('after a look away the server proves that it is there', async (t) => {
    const guest = await visit(t, { 'ping-interval': '10m' }, { wakeTimeout: PATIENCE / 2 });
    await guest.comeIn('wx-7');
    guest.socket.sleep();
    guest.socket.wake();
    const proof = await guest.until('proof', () => guest.frames.find((text) => text.includes('/probe')));
    assert.equal(proof, NO_SUCH_NAMESPACE);
    assert.deepEqual(await guest.ask('join'), { ok: true });
    guest.undisturbed();
  });
});
