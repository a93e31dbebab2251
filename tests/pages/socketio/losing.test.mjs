// How a connection is lost, what its old task still has to say, and how long it is until the next try.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoff } from '../../../miniprogram/socketio/backoff.js';
import { FakeTask, HANDSHAKE, PULSE, Phone, WELCOME, inWeChat, pass, settled } from './fake.mjs';

inWeChat('a connection is lost', () => {
  test('when nothing was heard for as long as the server said, and anything counts', async () => {
    const phone = new Phone().open().letIn();
    for (const text of ['2', '6', '42["room"]', 'nonsense']) {
      await pass(PULSE - 1);
      phone.task.says(text);
    }
    await phone.tellsAfter(PULSE, ['disconnect', 'ping timeout']);
    assert.equal(phone.socket.connected, false);
    assert.equal(phone.inUse, 0);
    await pass(500);
    phone.letIn();
  });

  for (const [what, lose, reason] of [
    ['it closes', (task) => task.closes(), 'transport close'],
    ['it fails', (task) => task.errs('reset'), 'transport error'],
    ['it fails and closes', (task) => { task.errs('reset'); task.closes(); }, 'transport error'],
    ['it closes and fails', (task) => { task.closes(); task.errs('reset'); }, 'transport close'],
    ['the server says goodbye', (task) => { task.says('41'); task.closes(1001); }, 'io server disconnect'],
    ['the server closes Engine.IO', (task) => task.says('1'), 'transport close'],
    ['a ping cannot be answered', (task) => { task.sendFails = 'fails'; task.says('2'); }, 'transport error'],
    ['sending throws', (task) => { task.sendFails = 'throws'; task.says('2'); }, 'transport error'],
  ]) {
    test(`when ${what}, once, and another is opened`, async () => {
      const phone = new Phone().open().letIn();
      lose(phone.task);
      assert.deepEqual(await phone.heard(), [['disconnect', reason]]);
      assert.equal(phone.socket.connected, false);
      assert.equal(phone.inUse, 0, 'WeChat has five, and forgets none by itself');
      assert.deepEqual(phone.pauses, [{ attempt: 1, delay: 500 }]);
      await pass(499);
      assert.equal(phone.tasks.length, 1);
      await pass(1);
      assert.equal(phone.tasks.length, 2);
      phone.letIn();
    });
  }

  test('and the server has said when to come back', async () => {
    const phone = new Phone().open().letIn();
    phone.socket.postpone(7000);
    phone.task.closes(1001);
    assert.deepEqual(await phone.heard(), [['disconnect', 'transport close']]);
    assert.deepEqual(phone.pauses, [{ attempt: 1, delay: 7000 }]);
    await pass(6999);
    assert.equal(phone.tasks.length, 1);
    await pass(1);
    assert.equal(phone.tasks.length, 2);
    // That holds once: if there is still nobody, it goes on as usual.
    phone.task.errs('refused');
    await phone.heard();
    assert.ok(phone.pauses[1].delay < 7000);
  });

  for (const [what, connect, message] of [
    ['WeChat says so at once', ({ fail }) => { fail({ errMsg: 'not in domain list' }); }, 'not in domain list'],
    ['WeChat says so at once, with a task', ({ fail }) => {
      fail({ errMsg: 'too many' });
      return new FakeTask();
    }, 'too many'],
    ['WeChat says so later', ({ fail }) => {
      queueMicrotask(() => fail({ errMsg: 'not in domain list' }));
      return new FakeTask();
    }, 'not in domain list'],
    ['WeChat does not say why', ({ fail }) => { fail(); return new FakeTask(); }, 'transport error'],
    ['WeChat throws', () => { throw new Error('no permission'); }, 'Error: no permission'],
  ]) {
    test(`when it cannot even be tried and ${what}, and it is tried again`, async () => {
      const phone = new Phone();
      let tries = 0;
      let stillborn;
      phone.connect = (option) => {
        tries += 1;
        stillborn = connect(option);
        return stillborn;
      };
      phone.open();
      assert.deepEqual(await phone.heard(), [['connect_error', message]]);
      if (stillborn) assert.equal(stillborn.closed, 1, 'a task that comes with the bad news is not kept');
      await pass(499);
      assert.equal(tries, 1);
      phone.connect = null;
      await pass(1);
      assert.equal(phone.tasks.length, 1);
      phone.letIn();
      assert.equal(phone.inUse, 1);
    });
  }

  test('when there is no task and nobody says anything', async () => {
    const phone = new Phone();
    phone.connect = () => undefined;
    phone.open();
    const [[event]] = await phone.heard();
    assert.equal(event, 'connect_error');
    phone.connect = null;
    await pass(500);
    phone.letIn();
  });

  test('without anybody being told from within a call', async () => {
    const phone = new Phone().open().letIn();
    let calling = true;
    const told = [];
    const tell = (what) => {
      assert.equal(calling, false, what);
      told.push(what);
    };
    for (const event of ['disconnect', 'connect_error', 'reconnecting']) phone.socket.on(event, () => tell(event));
    const call = async (action) => {
      calling = true;
      action();
      calling = false;
      await settled();
      return told.splice(0);
    };
    phone.socket.emit('join', () => tell('acknowledgement'));
    phone.task.sendFails = 'throws';
    assert.deepEqual(await call(() => phone.socket.emit('face')), ['acknowledgement', 'disconnect', 'reconnecting']);
    phone.connect = () => { throw new Error('no network'); };
    assert.deepEqual(await call(() => phone.socket.redial()), ['connect_error', 'reconnecting']);
    phone.connect = null;
    phone.socket.redial();
    phone.letIn();
    assert.deepEqual(await call(() => phone.socket.redial()), ['disconnect']);
    phone.letIn();
    assert.deepEqual(await call(() => phone.socket.close()), ['disconnect']);
  });
});

inWeChat('what an old task still has to say', () => {
  test('is for nobody', async () => {
    const phone = new Phone().open().letIn();
    const old = phone.task;
    const heard = phone.listen('room');
    phone.socket.redial();
    phone.letIn();
    phone.socket.emit('join', () => heard.push('acknowledged'));
    phone.task.taken();
    await phone.heard();
    old.says('2', '42["room"]', '430[]', '41', '1', HANDSHAKE, WELCOME);
    old.errs('late');
    old.closes();
    old.option.fail({ errMsg: 'late' });
    assert.deepEqual(await phone.heard(), []);
    assert.deepEqual(heard, []);
    assert.deepEqual([old.taken(), phone.task.taken()], [[], []]);
    assert.equal(phone.socket.connected, true);
    await pass(PULSE - 1);
    old.says('2');
    await pass(1);
    assert.deepEqual(await phone.heard(), [['disconnect', 'ping timeout']], 'nor does it count as life');
  });

  test('is that it is open, and then it is closed again', () => {
    const phone = new Phone().open();
    const old = phone.task;
    phone.socket.redial();
    assert.equal(old.closed, 1);
    old.opens({});
    assert.equal(old.closed, 2);
    phone.task.opens({});
    assert.equal(phone.task.closed, 0);
  });

  test('and a send of it that fails late harms nobody', async () => {
    const phone = new Phone().open().letIn();
    phone.task.sendFails = 'fails';
    phone.socket.emit('join');
    phone.socket.redial();
    phone.letIn();
    assert.deepEqual(await phone.heard(), [['disconnect', 'redial']]);
    assert.equal(phone.socket.connected, true);
  });
});

inWeChat('the delay before the next try', () => {
  test('grows from half a second to a quarter of a minute, and is never the same for all', () => {
    const at = (random) => Array.from({ length: 6 }, (_, attempt) => backoff(attempt, () => random));
    assert.deepEqual(at(0), [500, 1000, 2000, 3750, 3750, 3750]);
    assert.deepEqual(at(0.5), [1250, 2500, 5000, 9375, 9375, 9375]);
    assert.deepEqual(at(1 - Number.EPSILON), [2000, 4000, 8000, 15_000, 15_000, 15_000]);
    assert.equal(backoff(5000, () => 0.5), 9375);
  });

  test('spreads thousands over more than a second, from the first time on', () => {
    const delays = Array.from({ length: 10_000 }, () => backoff(0)).sort((a, b) => a - b);
    const within = (from) => delays.filter((delay) => delay >= from && delay < from + 1000).length;
    const busiest = Math.max(...delays.filter((_, index) => index % 100 === 0).map(within));
    assert.ok(busiest < 7500, `${busiest} of 10 000 in one second`);
    assert.ok(delays[0] >= 500 && delays.at(-1) <= 2000);
  });

  test('is counted from the last connection that worked: being let in and thrown out again is not enough', async () => {
    const phone = new Phone({ random: () => 0.5 }).open();
    const fail = async () => {
      phone.task.closes();
      await settled();
      const { attempt, delay } = phone.pauses.pop();
      assert.equal(delay, backoff(attempt - 1, () => 0.5));
      await pass(delay - 1);
      const before = phone.tasks.length;
      await pass(1);
      assert.equal(phone.tasks.length, before + 1);
      return attempt;
    };
    assert.deepEqual([await fail(), await fail(), await fail()], [1, 2, 3]);
    phone.task.says(HANDSHAKE, '2');
    assert.equal(await fail(), 4, 'nor is a ping before that');
    phone.letIn();
    assert.equal(await fail(), 5);
    for (const proof of ['2', '42["room"]', '430[]']) {
      phone.letIn().task.says(proof);
      assert.deepEqual([await fail(), await fail()], [1, 2], proof);
    }
  });

  test('is ended by open', async () => {
    const phone = new Phone().open().letIn();
    phone.task.closes();
    await settled();
    phone.socket.open();
    assert.equal(phone.tasks.length, 2);
    await pass(5000);
    assert.equal(phone.tasks.length, 2, 'the pause is over, and not waited for once more');
  });
});
