// What goes over a connection: events both ways, acknowledgements, and what waits while there is no connection.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HANDSHAKE, Phone, WELCOME, complaints, inWeChat, pass, settled } from './fake.mjs';

inWeChat('events', () => {
  test('reach every listener with all arguments, those of once only once, those of off no more', () => {
    const phone = new Phone().open().letIn();
    const heard = [];
    const first = (...args) => heard.push(['first', ...args]);
    const second = (...args) => heard.push(['second', ...args]);
    phone.socket.on('room', first).on('room', second).once('room', (...args) => heard.push(['once', ...args]));
    phone.task.says('42["room",{"full":true},2]');
    assert.deepEqual(heard.splice(0), [['first', { full: true }, 2], ['second', { full: true }, 2], ['once', { full: true }, 2]]);
    phone.task.says('42["room"]');
    assert.deepEqual(heard.splice(0), [['first'], ['second']]);
    phone.socket.off('room', first);
    phone.task.says('42["room"]');
    assert.deepEqual(heard.splice(0), [['second']]);
    phone.socket.once('room', first).off('room', first).on('room', first).off('room').off('unknown');
    phone.task.says('42["room"]', '42["__proto__"]');
    assert.deepEqual(heard, []);
  });

  test('reach the others when one listener throws, and the connection lives', async () => {
    const phone = new Phone().open().letIn();
    const mistake = new Error('mine');
    phone.socket.on('room', () => { throw mistake; });
    const heard = phone.listen('room');
    phone.socket.emit('join', () => { throw mistake; });
    phone.task.says('42["room"]', '430[]');
    assert.deepEqual(heard, ['room']);
    assert.deepEqual(complaints.splice(0), [mistake, mistake]);
    assert.deepEqual(await phone.heard(), []);
    assert.equal(phone.socket.connected, true);
  });

  test('that ask for an acknowledgement get one, on the connection they came by', async () => {
    const phone = new Phone().open().letIn();
    const answers = [];
    phone.socket.on('ask', (question, answer) => answers.push(answer));
    phone.task.says('427["ask","well?"]', '420["ask","and?"]');
    answers[1]();
    answers[0](1, { two: 2 });
    answers[0]('again');
    assert.deepEqual(phone.task.taken(), ['430[]', '437[1,{"two":2}]']);
    phone.task.says('428["ask","well?"]');
    phone.socket.redial();
    phone.letIn();
    answers[2]();
    assert.deepEqual(phone.task.taken(), []);
    assert.deepEqual(phone.tasks[0].taken(), []);
  });

  test('go out as they are given', () => {
    const phone = new Phone().open().letIn();
    assert.equal(phone.socket.emit('join'), true);
    phone.socket.emit('choice', { choice: 1 });
    phone.socket.emit('many', 1, null, undefined, ['武', '\u2028']);
    assert.deepEqual(phone.task.taken(), ['42["join"]', '42["choice",{"choice":1}]', '42["many",1,null,null,["武","\u2028"]]']);
  });

  test('that JSON cannot hold are the mistake of whoever emits them, and leave nothing behind', async () => {
    const phone = new Phone().open().letIn();
    const ring = {};
    ring.ring = ring;
    assert.throws(() => phone.socket.emit('ring', ring, () => assert.fail('nobody was asked')), TypeError);
    assert.deepEqual(phone.task.taken(), []);
    await pass(8000);
    phone.socket.emit('join', () => {});
    assert.deepEqual(phone.task.taken(), ['420["join"]'], 'no id was used up');
  });
});

inWeChat('an acknowledgement', () => {
  test('reaches whoever asked for it, in any order, and once', () => {
    const phone = new Phone().open().letIn();
    const answers = [];
    phone.socket.emit('join', (...answer) => answers.push(['join', ...answer]));
    phone.socket.emit('face', { face: 1 }, (...answer) => answers.push(['face', ...answer]));
    assert.deepEqual(phone.task.taken(), ['420["join"]', '421["face",{"face":1}]']);
    phone.task.says('43[]', '430', '430{}', '430"ok"', '43-1[]');
    assert.deepEqual(answers, [], 'that was nonsense');
    phone.task.says('431[{"ok":true},2]', '431[{"ok":false}]', '430[]');
    assert.deepEqual(answers, [['face', null, { ok: true }, 2], ['join', null]]);
  });

  test('that does not come in time is an error, and of no use later', async () => {
    const phone = new Phone({ ackTimeout: 3000 }).open().letIn();
    const answers = phone.ask('join');
    await pass(2999);
    assert.deepEqual(answers, []);
    await pass(1);
    assert.deepEqual(answers, [['timeout']]);
    phone.task.says('430[{"ok":true}]');
    await pass(3000);
    assert.equal(answers.length, 1);
    assert.equal(phone.socket.connected, true);
  });

  test('can no longer come when the connection is lost', async () => {
    const phone = new Phone().open().letIn();
    const answers = phone.ask('join');
    phone.task.closes();
    assert.deepEqual(answers, [], 'not from within a callback of WeChat');
    await settled();
    assert.deepEqual(answers, [['disconnected']]);
    await pass(500);
    phone.letIn();
    phone.task.says('430[{"ok":true}]');
    await pass(10_000);
    assert.equal(answers.length, 1);
  });

  test('is still awaited for what has not been sent yet', async () => {
    const phone = new Phone().open().letIn();
    phone.task.closes();
    const answers = phone.ask('join');
    await pass(500);
    phone.task.errs('no network');
    await pass(1000);
    assert.equal(answers.length, 0);
    phone.letIn('420["join"]');
    phone.task.says('430[{"ok":true}]');
    assert.deepEqual(answers, [[null, { ok: true }]]);
  });
});

inWeChat('without a connection', () => {
  test('messages wait, and go out in order behind what is said on connect', () => {
    const phone = new Phone();
    phone.socket.on('connect', () => phone.socket.emit('hello'));
    assert.equal(phone.socket.emit('join'), true);
    phone.open();
    phone.socket.emit('face', { face: 1 });
    phone.task.says(HANDSHAKE);
    assert.deepEqual(phone.task.taken(), ['40']);
    phone.task.says(WELCOME);
    assert.deepEqual(phone.task.taken(), ['42["hello"]', '42["join"]', '42["face",{"face":1}]']);
  });

  test('only so many messages wait; the next is refused and its sender told', async () => {
    const phone = new Phone({ queue: 2 }).open();
    const errors = [];
    assert.equal(phone.socket.emit('a'), true);
    assert.equal(phone.socket.emit('b'), true);
    assert.equal(phone.socket.emit('c'), false);
    assert.equal(phone.socket.emit('d', (error) => errors.push(error.message)), false);
    assert.deepEqual(errors, [], 'not from within the call');
    await pass(1);
    assert.deepEqual(errors, ['queue full']);
    phone.letIn('42["a"]', '42["b"]');
    assert.equal(phone.socket.emit('e'), true);
    assert.deepEqual(phone.task.taken(), ['42["e"]']);
  });

  test('32 messages wait where nothing else is said', () => {
    const phone = new Phone().open();
    const accepted = Array.from({ length: 40 }, () => phone.socket.emit('face')).filter(Boolean);
    assert.equal(accepted.length, 32);
  });

  test('a message whose acknowledgement is overdue is not sent any more', async () => {
    const phone = new Phone();
    const answers = phone.ask('join');
    await pass(8000);
    assert.deepEqual(answers, [['timeout']]);
    phone.open().letIn();
    assert.deepEqual(phone.task.taken(), []);
  });

  test('what waits survives a send that fails in the middle', async () => {
    const phone = new Phone();
    const answers = phone.ask('a');
    phone.socket.emit('b');
    phone.open();
    phone.task.says(HANDSHAKE);
    phone.task.sendFails = 'throws';
    phone.task.says(WELCOME);
    await settled();
    assert.deepEqual(answers, [['disconnected']]);
    await pass(500);
    phone.letIn('42["b"]');
  });
});
