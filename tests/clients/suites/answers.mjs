// Answers to a client's messages: acknowledgements, faults, and who may use a uid.

import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { AT_ONCE, game } from '../arena.mjs';
import { CLIENTS, NATIVE, ONE_EACH, client } from '../clients/index.mjs';

function checkRefusal(answer) {
  assert.equal(answer.ok, false, JSON.stringify(answer));
  assert.match(answer.code, /^[a-z][a-z0-9_]*$/, 'a stable code');
  assert.ok(answer.message.length > 0, 'a message in words');
}

describe('acknowledgements', AT_ONCE, () => {
  for (const kind of CLIENTS.filter((one) => one.make().acknowledges)) {
    game(kind.name, {}, async (arena) => {
      const player = await arena.guest(kind);
      checkRefusal(await player.ask('join'));
      assert.equal((await player.ask('hello', player.profile)).ok, true);
      await player.next('hi');
      assert.equal((await player.ask('join')).ok, true);
      await player.next('room');
      checkRefusal(await player.ask('choice', { choice: 9 }));
      assert.equal((await player.ask('leave')).ok, true);
    });
  }
});

describe('faults', AT_ONCE, () => {
  for (const kind of ONE_EACH) {
    game(`${kind.name} stays connected after each fault`, {}, async (arena) => {
      const player = await arena.guest(kind);
      for (const [event, payload] of [['join'], ['dance', { step: 1 }], ['choice', { choice: 9 }], ['hello', { user: { uid: '' } }]]) {
        player.send(event, payload);
        const fault = await player.next('fault');
        assert.equal(fault.event, event);
        checkRefusal({ ok: false, ...fault });
      }
      await player.hello();
    });
  }
});

describe('taking over a uid', AT_ONCE, () => {
  for (const kind of [NATIVE, client('socket.io-client 2.5'), client('socket.io-client 4', 'polling')]) {
    game(`${kind.name}: a uid moves only with its token`, {}, async (arena) => {
      const owner = await arena.player(kind);
      const other = await arena.guest(NATIVE);
      other.profile = owner.profile;

      other.client.hello(other.profile);
      assert.equal((await other.next('fault')).code, 'uid_taken');

      other.token = owner.token;
      await other.hello();
      assert.equal((await owner.next('fault')).code, 'replaced');
      await owner.next('disconnect');
    });
  }
});
