// The client against the servers people really run: socket.io 2 and 4. Against ours it is in server.test.mjs.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import { io } from '../../../miniprogram/socketio/index.js';
import { PATIENCE } from '../../clients/clients/client.mjs';
import { makeWx } from '../../clients/clients/wx.mjs';

const require = createRequire(new URL('../../clients/', import.meta.url));

const MADE = {
  2: (http, options) => require('socket.io-2')(http, options),
  4: (http, options) => new (require('socket.io-4').Server)(http, options),
};

/** A server that says whom it let in, and a way to come to it; both are gone when the test is over. */
async function open(t, version, { server: serverOptions = {}, before = () => {} } = {}) {
  const http = createServer();
  const server = MADE[version](http, { path: '/applet/ws', ...serverOptions });
  before(server);
  const guests = [];
  server.on('connection', (guest) => {
    guests.push(guest);
    guest.on('add', (a, b, answer) => answer(a + b, 'and more'));
    guest.on('ask', () => guest.emit('question', { n: 1 }, (answer) => guest.emit('understood', answer)));
    guest.on('mute', () => {});
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const sockets = [];
  t.after(async () => {
    sockets.forEach((socket) => socket.disconnect());
    await new Promise((done) => { server.close(done); });
  });
  const come = (options = {}) => {
    const { connectSocket: connect } = makeWx();
    const url = `http://127.0.0.1:${http.address().port}`;
    const socket = io(url, { path: '/applet/ws', connect, random: () => 0, EIO: version === 2 ? 3 : 4, ...options });
    sockets.push(socket);
    return socket;
  };
  return { come, guests };
}

/** What the next such event brings. */
function next(socket, event) {
  return new Promise((resolve) => socket.once(event, (...args) => resolve(args)));
}

for (const version of [2, 4]) {
  describe(`a server of socket.io ${version}`, { timeout: PATIENCE }, () => {
    test('lets in, knows the id and the query, hears and is heard, and answers', async (t) => {
      const { come, guests } = await open(t, version);
      const socket = come({ query: { room: 'a&武' }, auth: { token: 'secret' } });
      await next(socket, 'connect');
      const [{ id, handshake }] = guests;
      assert.equal(socket.id, id);
      assert.equal(handshake.query.room, 'a&武');
      if (version === 4) assert.deepEqual(handshake.auth, { token: 'secret' });
      assert.equal(await socket.emitWithAck('add', 1, 2), 3);
      const all = await new Promise((resolve) => socket.emit('add', '武', 'z', (...answer) => resolve(answer)));
      assert.deepEqual(all, [null, '武z', 'and more']);
      socket.on('question', ({ n }, answer) => answer({ n: n + 1 }));
      socket.emit('ask');
      assert.deepEqual(await next(socket, 'understood'), [{ n: 2 }]);
      await assert.rejects(socket.timeout(50).emitWithAck('mute'), { message: 'timeout' });
    });

    test('refuses in its own words', async (t) => {
      const { come, guests } = await open(t, version, {
        before: (server) => server.use((guest, go) => go(Object.assign(new Error('no room'), { data: { code: 7 } }))),
      });
      const [error] = await next(come(), 'connect_error');
      // In version 2 the data takes the place of the words.
      assert.equal(error.message, version === 2 ? 'connect refused' : 'no room');
      assert.deepEqual(error.data, { code: 7 });
      assert.equal(guests.length, 0);
    });

    test('ends a connection, and another comes about; ended here, none does', async (t) => {
      const { come, guests } = await open(t, version);
      const socket = come();
      await next(socket, 'connect');
      guests[0].disconnect(true);
      assert.match((await next(socket, 'disconnect'))[0], /^(io server disconnect|transport close)$/);
      await next(socket, 'connect');
      assert.notEqual(guests[1].id, guests[0].id);
      const gone = once(guests[1], 'disconnect');
      socket.disconnect();
      await gone;
      assert.equal(guests.length, 2);
      assert.equal(socket.id, undefined);
    });

    test('is heard to be there: pings go to and fro, and after a look away it proves itself', async (t) => {
      const { come, guests } = await open(t, version, { server: { pingInterval: 100, pingTimeout: 5000 } });
      const socket = come();
      const ends = [];
      socket.on('disconnect', (reason) => ends.push(reason));
      await next(socket, 'connect');
      const pings = () => new Promise((done) => {
        let left = 5;
        guests[0].conn.on('packet', ({ type }) => /^p[io]ng$/.test(type) && (left -= 1) === 0 && done());
      });
      await pings();
      const asked = new Promise((done) => { guests[0].conn.on('data', (data) => /probe/.test(data) && done()); });
      socket.sleep();
      socket.wake();
      await asked;
      await pings();
      assert.equal(await socket.emitWithAck('add', 2, 3), 5);
      assert.deepEqual(ends, []);
      assert.equal(guests.length, 1);
    });
  });
}

test('a server of socket.io 2 that is taken for a newer one is named', { timeout: PATIENCE }, async (t) => {
  const { come } = await open(t, 2);
  const [error] = await next(come({ EIO: 4, openTimeout: 300 }), 'connect_error');
  assert.match(error.message, /Socket\.IO 2.*EIO: 3/);
});
