// How a connection comes about, and how whoever wanted it has it renewed or ended.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Socket } from '../../../miniprogram/socketio/index.js';
import { ADDRESS, FakeTask, HANDSHAKE, Phone, WELCOME, inWeChat, pass, settled } from './fake.mjs';

inWeChat('a connection', () => {
  test('is Engine.IO 4 over a WebSocket, then Socket.IO, and open when both have said so', async () => {
    const phone = new Phone();
    assert.equal(phone.tasks.length, 0, 'nothing happens before open');
    phone.open().open();
    assert.equal(phone.tasks.length, 1);
    assert.equal(phone.task.option.url, `${ADDRESS}?EIO=4&transport=websocket`);
    phone.task.opens({});
    assert.deepEqual(phone.task.taken(), []);
    phone.task.says(HANDSHAKE);
    assert.deepEqual(phone.task.taken(), ['40']);
    assert.equal(phone.socket.connected, false);
    assert.deepEqual(await phone.heard(), []);
    phone.task.says(WELCOME);
    assert.equal(phone.socket.connected, true);
    phone.task.says(WELCOME, HANDSHAKE);
    assert.deepEqual(await phone.heard(), [['connect']]);
    assert.deepEqual(phone.task.taken(), []);
  });

  test('keeps a query that the address has already', () => {
    const urls = [];
    const connect = ({ url }) => urls.push(url) && new FakeTask();
    new Socket('wss://a.example/?room=1', { connect }).open();
    assert.deepEqual(urls, ['wss://a.example/?room=1&EIO=4&transport=websocket']);
  });

  test('is given up when the handshake makes no sense', async () => {
    const bad = ['0', '0{', '0null', '0[]', '0{}', '0{"pingInterval":25000}', '0{"pingInterval":"25","pingTimeout":"20"}',
      '0{"pingInterval":-1,"pingTimeout":5}', '0{"pingInterval":0,"pingTimeout":0}',
      '0{"pingInterval":1e999,"pingTimeout":5}'];
    for (const text of bad) {
      const phone = new Phone().open();
      phone.task.says(text);
      assert.deepEqual(await phone.heard(), [['connect_error', 'parse error']], text);
      assert.deepEqual(phone.task.taken(), [], text);
      assert.equal(phone.inUse, 0, text);
      phone.socket.close();
    }
  });

  test('is given up, and tried again, when the server refuses it', async () => {
    const phone = new Phone().open();
    phone.task.says(HANDSHAKE, '44{"message":"no room","data":{"code":1}}');
    assert.deepEqual(await phone.heard(), [['connect_error', 'no room']]);
    assert.equal(phone.inUse, 0);
    await pass(500);
    phone.letIn();
  });

  test('has 10 s until it can be used, whatever has been said so far', async () => {
    for (const saidSoFar of [[], [HANDSHAKE], [HANDSHAKE, '2', '6', '40']]) {
      const phone = new Phone().open();
      await pass(6000);
      phone.task.says(...saidSoFar);
      await phone.tellsAfter(4000, ['connect_error', 'timeout']);
      assert.equal(phone.inUse, 0);
      phone.socket.close();
    }
  });

  test('answers a ping with what it brought', () => {
    const phone = new Phone().open().letIn();
    phone.task.says('2', '2probe');
    assert.deepEqual(phone.task.taken(), ['3', '3probe']);
  });

  test('ignores what it does not understand', async () => {
    const phone = new Phone().open();
    const heard = phone.listen('room', '1', 'null', '');
    phone.task.says('42["room"]', WELCOME);
    assert.equal(phone.socket.connected, false, 'nobody is welcome before the handshake');
    phone.task.says(HANDSHAKE, '42["room"]');
    assert.deepEqual(heard, [], 'nothing counts before the welcome');
    phone.task.says('40', '40{"sid":5}');
    assert.equal(phone.socket.connected, false);
    phone.task.says(WELCOME);
    phone.task.taken();
    await phone.heard();
    phone.task.says('', '3', '5', '6', '9', 'x', '武', '4', '4x', '42', '42{', '42{}', '42[]', '42[1]', '42[null]', '42"room"',
      '42/chat,["room"]', '43', '43[]', '431', '431{}', '4399["a"]', '44', '44{"message":"late"}', '47["room"]',
      '451-["room",{"_placeholder":true,"num":0}]', '42["connect"]', '42["disconnect","x"]', '42["connect_error","x"]',
      '42["reconnecting",{}]', '41/chat,', new ArrayBuffer(4), undefined, null, 7);
    assert.deepEqual(await phone.heard(), []);
    assert.deepEqual(heard, []);
    assert.deepEqual(phone.task.taken(), []);
    assert.equal(phone.socket.connected, true);
    phone.task.says('42["room"]');
    assert.deepEqual(heard, ['room']);
  });
});

inWeChat('redial', () => {
  test('drops the connection and opens another at once', async () => {
    const phone = new Phone().open().letIn();
    phone.socket.redial();
    assert.equal(phone.tasks.length, 2);
    assert.equal(phone.inUse, 1);
    assert.deepEqual(await phone.heard(), [['disconnect', 'redial']]);
    assert.deepEqual(phone.pauses, []);
    phone.letIn();
    await pass(5000);
    assert.equal(phone.tasks.length, 2);
  });

  test('comes back from close, and out of a pause', async () => {
    const phone = new Phone().open().letIn();
    phone.socket.close();
    phone.socket.redial();
    phone.letIn();
    phone.task.closes();
    phone.socket.redial();
    phone.letIn();
    await pass(5000);
    assert.equal(phone.tasks.length, 3);
    assert.equal(phone.inUse, 1);
  });

  test('means that a connection is wanted, also after a look away', () => {
    const phone = new Phone();
    phone.socket.redial();
    phone.socket.sleep();
    phone.task.closes();
    phone.socket.wake();
    assert.equal(phone.tasks.length, 2);
  });
});

inWeChat('close', () => {
  test('is for good, until open', async () => {
    const phone = new Phone().open().letIn();
    const answers = phone.ask('join');
    phone.task.taken();
    phone.socket.close();
    assert.equal(phone.socket.connected, false);
    assert.equal(phone.inUse, 0);
    assert.deepEqual(await phone.heard(), [['disconnect', 'io client disconnect']]);
    assert.deepEqual(answers, [['disconnected']]);
    phone.task.closes(1000);
    phone.socket.wake();
    await pass(100_000);
    assert.equal(phone.tasks.length, 1);
    phone.socket.close();
    assert.deepEqual(await phone.heard(), []);
    phone.open().letIn();
    assert.deepEqual(phone.task.taken(), []);
  });

  test('forgets how often it has failed', async () => {
    const phone = new Phone().open();
    phone.task.closes();
    await pass(500);
    phone.task.closes();
    phone.socket.close();
    phone.open();
    phone.task.closes();
    await settled();
    assert.deepEqual(phone.pauses.pop(), { attempt: 1, delay: 500 });
  });

  test('ends a try, a pause, and the waiting of messages', async () => {
    const trying = new Phone().open();
    trying.socket.close();
    const pausing = new Phone().open();
    const answers = pausing.ask('join');
    pausing.task.closes();
    pausing.socket.close();
    await pass(100_000);
    assert.deepEqual([trying.tasks.length, pausing.tasks.length], [1, 1]);
    assert.equal(trying.inUse, 0);
    assert.deepEqual(await trying.heard(), []);
    assert.deepEqual(answers, [['disconnected']]);
    assert.deepEqual(pausing.pauses, [], 'there was none by the time it could be told');
    pausing.open().letIn();
    assert.deepEqual(pausing.task.taken(), []);
  });

  test('may be the answer of a listener', async () => {
    for (const event of ['connect', 'disconnect', 'connect_error', 'replaced']) {
      const phone = new Phone().open();
      phone.socket.emit('join');
      phone.socket.on(event, () => phone.socket.close());
      if (event === 'connect_error') phone.task.errs('no network');
      phone.task.says(HANDSHAKE, WELCOME);
      if (event === 'replaced') phone.task.says('42["replaced"]');
      if (event === 'disconnect') phone.task.closes();
      await pass(100_000);
      assert.equal(phone.tasks.length, 1, event);
      assert.equal(phone.inUse, 0, event);
      assert.deepEqual(phone.pauses, [], event);
    }
  });
});
