// Anything that can happen to a client, in any order.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HANDSHAKE, Phone, WELCOME, inWeChat, pass } from './fake.mjs';

inWeChat('whatever happens', () => {
  test('through all of it there is never more than one task in use', async () => {
    const phone = new Phone({ random: () => 0.3 });
    let seed = 1;
    const dice = (sides) => {
      seed = (seed * 48271) % 2147483647;
      return seed % sides;
    };
    const happenings = [
      () => phone.socket.open(), () => phone.socket.redial(), () => phone.socket.sleep(), () => phone.socket.wake(),
      () => phone.socket.check(),
      () => phone.socket.emit('join', () => {}), () => pass(dice(9000)), () => pass(dice(300)),
      () => phone.task?.says(HANDSHAKE), () => phone.task?.says(WELCOME), () => phone.task?.says('2'),
      () => phone.task?.closes(), () => phone.task?.errs('x'), () => phone.task?.option.fail({}),
      () => phone.tasks[dice(phone.tasks.length)]?.closes(), () => phone.tasks[dice(phone.tasks.length)]?.says('41'),
      () => dice(5) || phone.socket.close(), () => phone.socket.postpone(dice(9000)),
    ];
    for (let step = 0; step < 3000; step += 1) {
      await happenings[dice(happenings.length)]();
      assert.ok(phone.inUse <= 1, `step ${step}`);
      assert.equal(phone.socket.connected && phone.inUse === 0, false, `step ${step}`);
    }
    assert.ok(phone.tasks.length > 50, 'it was tried often enough to mean something');
    phone.socket.close();
    phone.socket.wake();
    phone.open().letIn();
  });
});
