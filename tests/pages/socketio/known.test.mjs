// What people know from the official client, and look for here.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Emitter } from '../../../miniprogram/socketio/emitter.js';
import { Socket, io } from '../../../miniprogram/socketio/index.js';
import { ADDRESS, FakeTask, HANDSHAKE, Phone, WELCOME, complaints, inWeChat, pass, settled } from './fake.mjs';

/** The addresses that are asked for with these arguments of `io`. */
function asked(url, options) {
  const urls = [];
  io(url, { ...options, connect: (option) => urls.push(option.url) && new FakeTask(option) });
  return urls;
}

/** Connects to a server that lets in, and sends back what it was asked with. */
async function askedIn(auth) {
  const phone = new Phone({ auth }).open();
  phone.task.says(HANDSHAKE);
  await settled();
  return phone.task.taken();
}

inWeChat('io', () => {
  test('connects at once, to where the server of this address serves Socket.IO', () => {
    const end = '?EIO=4&transport=websocket';
    assert.deepEqual(asked('https://a.example'), [`wss://a.example/socket.io/${end}`]);
    assert.deepEqual(asked('wss://a.example/'), [`wss://a.example/socket.io/${end}`]);
    assert.deepEqual(asked('http://a.example:8080', { path: 'applet/ws/' }), [`ws://a.example:8080/applet/ws/${end}`]);
    assert.deepEqual(asked('HTTPS://a.example', { path: '/' }), [`wss://a.example/${end}`]);
    assert.deepEqual(asked('ws://a.example?room=1', { path: '' }), ['ws://a.example/?room=1&EIO=4&transport=websocket']);
    assert.deepEqual(asked('https://a.example', { autoConnect: false }), []);
  });

  test('refuses in words what it cannot do', () => {
    assert.throws(() => asked('https://a.example/chat'), { name: 'TypeError', message: /namespaces.*\/chat/ });
    for (const url of ['', 'a.example', '/socket.io', 'ftp://a.example', 'https://']) {
      assert.throws(() => asked(url), { name: 'TypeError', message: /address/ }, url);
    }
  });
});

inWeChat('query', () => {
  test('goes into the address of every connection, as it is then', () => {
    const phone = new Phone({ query: { room: 'a&b', 名: '武', none: null } }).open();
    const { url } = phone.task.option;
    assert.equal(url, `${ADDRESS}?room=a%26b&%E5%90%8D=%E6%AD%A6&none=null&EIO=4&transport=websocket`);
    phone.socket.query.room = 'c';
    phone.socket.redial();
    assert.equal(new URL(phone.task.option.url).searchParams.get('room'), 'c');
  });

  test('cannot say what is the protocol\'s', () => {
    const { task } = new Phone({ query: { EIO: '3', transport: 'polling' } }).open();
    assert.equal(task.option.url, `${ADDRESS}?EIO=4&transport=websocket`);
  });
});

inWeChat('auth', () => {
  test('is said when asking to be let in, again at every connection, as it is then', async () => {
    assert.deepEqual(await askedIn({ token: '武' }), ['40{"token":"武"}']);
    for (const none of [undefined, null]) assert.deepEqual(await askedIn(none), ['40']);
    const phone = new Phone({ auth: { token: 1 } }).open();
    phone.socket.auth.token = 2;
    phone.task.says(HANDSHAKE);
    phone.socket.auth = { token: 3 };
    phone.socket.redial();
    phone.task.says(HANDSHAKE);
    assert.deepEqual(phone.tasks.map((task) => task.taken()), [['40{"token":2}'], ['40{"token":3}']]);
  });

  test('may be told by a function, which is asked anew every time; once counts', async () => {
    let times = 0;
    const auth = (tell) => {
      times += 1;
      tell({ times });
      tell({ times: 'again' });
    };
    assert.deepEqual(await askedIn(auth), ['40{"times":1}']);
    assert.deepEqual(await askedIn(auth), ['40{"times":2}']);
    assert.deepEqual(await askedIn((tell) => tell()), ['40']);
  });

  test('that is told for a connection that is gone is for nobody', async () => {
    const tells = [];
    const phone = new Phone({ auth: (tell) => tells.push(tell) }).open();
    phone.task.says(HANDSHAKE);
    phone.socket.redial();
    phone.task.says(HANDSHAKE);
    tells[0]({ old: true });
    await settled();
    assert.deepEqual(phone.tasks.map((task) => task.taken()), [[], []]);
    tells[1]({ old: false });
    await settled();
    assert.deepEqual(phone.tasks.map((task) => task.taken()), [[], ['40{"old":false}']]);
  });

  test('that is never told is a try that failed, as is a function that throws', async () => {
    const silent = new Phone({ auth: () => {} }).open();
    silent.task.says(HANDSHAKE);
    await silent.tellsAfter(10_000, ['connect_error', 'timeout']);
    const broken = new Phone({ auth: () => { throw new Error('no token'); } }).open();
    broken.task.says(HANDSHAKE);
    assert.deepEqual(await broken.heard(), [['connect_error', 'Error: no token']]);
    assert.equal(broken.inUse, 0);
    await pass(500);
    assert.equal(broken.tasks.length, 2);
    silent.socket.close();
    broken.socket.close();
  });

  test('is refused with the server\'s own words and data', async () => {
    const phone = new Phone().open();
    const errors = [];
    phone.socket.on('connect_error', (error) => errors.push([error.message, error.data]));
    phone.task.says(HANDSHAKE, '44{"message":"who are you?","data":{"code":401}}');
    await settled();
    assert.deepEqual(errors, [['who are you?', { code: 401 }]]);
    phone.socket.close();
  });
});

inWeChat('connect, disconnect and id', () => {
  test('do what open and close do, and can be chained', async () => {
    const phone = new Phone();
    assert.equal(phone.socket.connect(), phone.socket);
    phone.letIn();
    assert.equal(phone.socket.disconnect(), phone.socket);
    assert.deepEqual(await phone.heard(), [['disconnect', 'io client disconnect']]);
    await pass(100_000);
    assert.equal(phone.tasks.length, 1);
    assert.equal(phone.socket.connect().disconnect(), phone.socket);
    assert.equal(phone.inUse, 0);
  });

  test('id is the server\'s name for this connection, as long as there is one', async () => {
    const phone = new Phone();
    const ids = [];
    for (const event of ['connect', 'disconnect']) phone.socket.on(event, () => ids.push(phone.socket.id));
    assert.equal(phone.socket.id, undefined);
    phone.open();
    phone.task.says(HANDSHAKE);
    assert.equal(phone.socket.id, undefined);
    phone.task.says(WELCOME);
    assert.equal(phone.socket.id, 's1');
    phone.task.closes();
    assert.equal(phone.socket.id, undefined);
    await pass(500);
    phone.task.says(HANDSHAKE, '40{"sid":"s2"}');
    assert.deepEqual(ids, ['s1', undefined, 's2']);
  });

  test('off without an event takes every listener away', () => {
    const phone = new Phone().open().letIn();
    const heard = phone.listen('a', 'b');
    assert.equal(phone.socket.off(), phone.socket);
    phone.task.says('42["a"]', '42["b"]');
    assert.deepEqual(heard, []);
  });
});

inWeChat('emitWithAck', () => {
  test('resolves with the answer, and fails in words', async () => {
    const phone = new Phone({ queue: 1 });
    const waiting = phone.socket.emitWithAck('join', { room: 1 });
    await assert.rejects(Promise.all([phone.socket.emitWithAck('more'), pass(1)]), { message: 'queue full' });
    phone.open().letIn('420["join",{"room":1}]');
    phone.task.says('430[{"ok":true},2]');
    assert.deepEqual(await waiting, { ok: true });
    const lost = phone.socket.emitWithAck('face');
    phone.task.closes();
    await assert.rejects(lost, { message: 'disconnected' });
    const ring = {};
    ring.ring = ring;
    await assert.rejects(phone.socket.emitWithAck('ring', ring), TypeError);
    phone.socket.close();
  });

  test('waits as long as ackTimeout says, or timeout', async () => {
    const phone = new Phone({ ackTimeout: 3000 }).open().letIn();
    const ends = [];
    const note = (name) => (error) => ends.push([name, error.message]);
    phone.socket.emitWithAck('a').catch(note('usual'));
    phone.socket.timeout(1000).emitWithAck('b').catch(note('short'));
    assert.equal(phone.socket.timeout(2000).emit('c', 1, note('called')), true);
    assert.deepEqual(phone.task.taken(), ['420["a"]', '421["b"]', '422["c",1]']);
    await pass(999);
    assert.deepEqual(ends, []);
    await pass(1);
    assert.deepEqual(ends, [['short', 'timeout']]);
    await pass(1000);
    assert.deepEqual(ends.splice(0), [['short', 'timeout'], ['called', 'timeout']]);
    await pass(1000);
    assert.deepEqual(ends, [['usual', 'timeout']]);
  });
});

inWeChat('Engine.IO 3', () => {
  const OLD = '0{"sid":"e1","upgrades":[],"pingInterval":25000,"pingTimeout":5000}';
  const old = (options) => {
    const phone = new Phone({ EIO: 3, ...options });
    phone.socket.emit('hello');
    phone.open();
    phone.task.says(OLD, '40');
    return phone;
  };

  test('asks for nothing, is let in, and has the name of the session', () => {
    const phone = old({ auth: { unused: true } });
    assert.match(phone.task.option.url, /\?EIO=3&transport=websocket$/);
    assert.deepEqual(phone.task.taken(), ['42["hello"]']);
    assert.equal(phone.socket.id, 'e1');
  });

  test('pings, and believes the connection dead where nobody answers', async () => {
    const phone = old();
    await phone.heard();
    phone.task.taken();
    for (let pings = 0; pings < 3; pings += 1) {
      await pass(24_999);
      assert.deepEqual(phone.task.taken(), []);
      await pass(1);
      assert.deepEqual(phone.task.taken(), ['2']);
      phone.task.says('3');
    }
    await phone.tellsAfter(30_000, ['disconnect', 'ping timeout']);
    assert.deepEqual(phone.task.taken(), ['2']);
    await pass(500);
    assert.deepEqual(phone.task.taken(), [], 'the next one begins anew');
    phone.socket.close();
    await pass(100_000);
    assert.equal(phone.tasks.length, 2);
    assert.deepEqual(phone.task.taken(), [], 'nobody pings any more');
  });

  test('pings nothing while its owner looks away, and goes on afterwards', async () => {
    const phone = old();
    phone.task.taken();
    await pass(22_000);
    phone.socket.sleep();
    await pass(4000);
    assert.deepEqual(phone.task.taken(), []);
    phone.socket.wake();
    phone.task.says('44/probe,"Invalid namespace"');
    assert.deepEqual(phone.task.taken(), ['40/probe,']);
    await pass(25_000);
    assert.deepEqual(phone.task.taken(), ['2']);
  });

  test('is refused in its own way', async () => {
    const phone = new Phone({ EIO: 3 }).open();
    phone.task.says(OLD, '44"no room"');
    assert.deepEqual(await phone.heard(), [['connect_error', 'no room']]);
    phone.socket.close();
  });

  test('is missed in words where it is not asked for', async () => {
    const phone = new Phone().open();
    phone.task.says(OLD, '40');
    await pass(9999);
    assert.deepEqual(await phone.heard(), []);
    await pass(1);
    const [[event, message]] = await phone.heard();
    assert.equal(event, 'connect_error');
    assert.match(message, /EIO: 3/);
    phone.socket.close();
  });
});

test('the types declare what there is, and nothing else', () => {
  const types = readFileSync(new URL('../../../miniprogram/socketio/index.d.ts', import.meta.url), 'utf8');
  const [, body] = /export class Socket[^{]*\{\n(.*?)\n\}\n/s.exec(types);
  const declared = new Set([...body.matchAll(/^  (?:get )?(\w+)[?<(:]/gm)].map(([, name]) => name));
  const own = Object.keys(new Socket(ADDRESS));
  const shared = [Socket, Emitter].flatMap(({ prototype }) => Object.getOwnPropertyNames(prototype));
  const there = new Set([...own, ...shared].filter((name) => !name.startsWith('_')));
  assert.deepEqual([...declared].sort(), [...there].sort());
  assert.deepEqual(complaints, []);
});
