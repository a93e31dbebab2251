// What becomes of a connection while its owner looks away, and of whoever comes back to it.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { NO_SUCH_NAMESPACE, PULSE, Phone, inWeChat, pass, settled } from './fake.mjs';

inWeChat('who looks away', () => {
  test('for a moment, keeps the connection and misses nothing', async () => {
    const phone = new Phone().open().letIn();
    const heard = phone.listen('result');
    await pass(PULSE - 5000);
    phone.task.says('2');
    phone.task.taken();
    await pass(5000);
    phone.socket.sleep();
    await pass(1000);
    phone.task.says('2', '42["result"]');
    assert.equal(phone.socket.emit('face', { face: 1 }), true);
    assert.deepEqual(phone.task.taken(), ['3', '42["face",{"face":1}]']);
    await pass(1000);
    phone.socket.wake();
    assert.deepEqual(phone.task.taken(), ['40/probe,']);
    phone.task.says(NO_SUCH_NAMESPACE);
    await phone.tellsAfter(PULSE, ['disconnect', 'ping timeout'], 'the watch goes on as before');
    assert.deepEqual(heard, ['result']);
    assert.equal(phone.tasks.length, 1);
  });

  test('comes back to a dead connection, and knows it within seconds whatever was still to be read', async () => {
    const phone = new Phone().open().letIn();
    phone.socket.sleep();
    await pass(4900);
    phone.socket.wake();
    phone.task.says('2', '42["room"]', '430[]');
    await phone.tellsAfter(4000, ['disconnect', 'ping timeout']);
    assert.deepEqual(phone.pauses, [], 'whoever looks has waited long enough');
    phone.letIn();
    await pass(PULSE - 1);
    assert.equal(phone.socket.connected, true, 'a new connection has nothing to prove');
  });

  test('for longer than the server waits, needs no proof that the connection is dead', async () => {
    const phone = new Phone().open().letIn();
    phone.socket.sleep();
    phone.task.says('2');
    await pass(PULSE);
    assert.deepEqual(await phone.heard(), [], 'nothing is timed');
    phone.socket.wake();
    assert.equal(phone.tasks.length, 2);
    assert.equal(phone.inUse, 1);
    assert.deepEqual(await phone.heard(), [['disconnect', 'ping timeout']]);
    assert.deepEqual(phone.pauses, []);
    phone.letIn();
    await pass(5000);
    assert.equal(phone.tasks.length, 2);
  });

  test('for 5 s, finds the connection cut by WeChat, and has another at once', async () => {
    const phone = new Phone().open().letIn();
    const old = phone.task;
    phone.socket.sleep();
    await pass(3000);
    phone.socket.sleep();
    await pass(2000);
    phone.socket.wake();
    assert.equal(phone.tasks.length, 2);
    assert.equal(phone.inUse, 1);
    // What WeChat has to say of the old one comes afterwards, if at all.
    old.errs('interrupted');
    old.closes();
    assert.deepEqual(await phone.heard(), [['disconnect', 'ping timeout']]);
    await pass(9000);
    phone.letIn();
    await pass(5000);
    assert.equal(phone.tasks.length, 2, 'and no third');
  });

  for (const [what, open, event] of [
    ['an open connection', (phone) => phone.letIn(), 'disconnect'],
    ['one that opened', () => {}, 'connect_error'],
  ]) {
    test(`is told late that ${what} was cut, and has another at once`, async () => {
      const phone = new Phone().open();
      open(phone);
      phone.socket.sleep();
      await pass(4000);
      phone.socket.wake();
      phone.task.closes();
      assert.equal(phone.tasks.length, 2);
      assert.equal(phone.inUse, 1);
      assert.deepEqual((await phone.heard()).map(([name]) => name), [event]);
      assert.deepEqual(phone.pauses, []);
      phone.task.errs('not awake yet');
      await settled();
      assert.deepEqual(phone.pauses, [{ attempt: 1, delay: 500 }], 'but from then on there are pauses');
      await pass(500);
      phone.letIn();
    });
  }

  test('and comes back to a connection that has proved itself, waits as usual when that is lost', async () => {
    const phone = new Phone().open().letIn();
    phone.socket.sleep();
    phone.socket.wake();
    phone.task.says(NO_SUCH_NAMESPACE);
    phone.task.closes();
    assert.equal(phone.tasks.length, 1);
    await pass(500);
    phone.letIn();
  });

  test('is not woken by a change of the network', async () => {
    const phone = new Phone().open().letIn();
    phone.socket.check();
    assert.deepEqual(phone.task.taken(), ['40/probe,'], 'who looks has the connection checked');
    phone.socket.sleep();
    phone.task.closes();
    phone.socket.check();
    await pass(10_000);
    assert.equal(phone.tasks.length, 1);
    phone.socket.wake();
    assert.equal(phone.tasks.length, 2);
  });

  test('opens nothing, however the connection ends, until the next look', async () => {
    const phone = new Phone().open().letIn();
    phone.socket.sleep();
    phone.task.closes();
    assert.deepEqual(await phone.heard(), [['disconnect', 'transport close']]);
    await pass(100_000);
    phone.socket.open();
    phone.socket.redial();
    assert.equal(phone.tasks.length, 1);
    assert.deepEqual(phone.pauses, []);
    phone.socket.wake();
    assert.equal(phone.tasks.length, 2);
    phone.letIn();
  });

  test('during a pause, finds it over', async () => {
    const phone = new Phone().open();
    for (let failures = 0; failures < 5; failures += 1) {
      phone.task.closes();
      await pass(5000);
    }
    phone.task.closes();
    await settled();
    const tries = phone.tasks.length;
    phone.socket.sleep();
    await pass(100_000);
    assert.equal(phone.tasks.length, tries);
    phone.socket.wake();
    assert.equal(phone.tasks.length, tries + 1);
    phone.task.errs('network api interrupted in suspend state');
    await pass(500);
    assert.equal(phone.tasks.length, tries + 2, 'and the next one short: WeChat is not always awake yet');
  });

  test('while a connection opens, gives it the rest of its time', async () => {
    const phone = new Phone();
    await pass(60_000);
    phone.open();
    await pass(4000);
    phone.socket.sleep();
    await pass(2000);
    phone.socket.wake();
    assert.equal(phone.tasks.length, 1);
    await phone.tellsAfter(4000, ['connect_error', 'timeout']);
    phone.socket.open();
    phone.socket.sleep();
    await pass(10_000);
    assert.deepEqual(await phone.heard(), []);
    phone.socket.wake();
    assert.deepEqual(await phone.heard(), [['connect_error', 'timeout']]);
    assert.equal(phone.inUse, 1);
    phone.letIn();
  });

  test('while a connection opens, may find it open', async () => {
    const phone = new Phone().open();
    phone.socket.sleep();
    phone.letIn();
    phone.socket.wake();
    assert.deepEqual(phone.task.taken(), ['40/probe,']);
    phone.task.says('40/probe,{"sid":"x"}');
    await pass(PULSE - 1);
    assert.equal(phone.socket.connected, true);
  });

  test('again and again, does not put the proof off', async () => {
    const phone = new Phone().open().letIn();
    phone.socket.wake();
    await pass(3000);
    phone.socket.wake();
    assert.deepEqual(phone.task.taken(), ['40/probe,']);
    await phone.tellsAfter(1000, ['disconnect', 'ping timeout']);
  });

  test('twice, is asked for a new proof', async () => {
    const phone = new Phone().open().letIn();
    phone.socket.wake();
    phone.socket.sleep();
    await pass(4900);
    phone.socket.wake();
    assert.deepEqual(phone.task.taken(), ['40/probe,', '40/probe,']);
    await phone.tellsAfter(4000, ['disconnect', 'ping timeout']);
  });

  test('and back on a phone whose clock was set back, is as well off', async () => {
    mock.timers.setTime(1_000_000);
    const phone = new Phone().open();
    phone.socket.sleep();
    mock.timers.reset();
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 0 });
    phone.socket.wake();
    await pass(10_000);
    assert.deepEqual(await phone.heard(), [['connect_error', 'timeout']]);
  });

  test('is not there when a program starts: the first look finds a connection opening', async () => {
    const phone = new Phone().open();
    phone.socket.wake();
    assert.equal(phone.tasks.length, 1);
    phone.letIn();
    const never = new Phone();
    never.socket.wake();
    assert.equal(never.tasks.length, 0);
  });
});
