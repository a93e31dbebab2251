// A hand that is locked stays: by the same hand once more, or by Enter.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import { Play } from './play.mjs';

const require = createRequire(import.meta.url);
const { scene } = require('../../../miniprogram/game/scene.js');
const { en } = require('../../../miniprogram/game/words.js');

const seen = (play) => scene(play.game, en, play.now);
const choices = (play) => play.effects().filter(({ event }) => event === 'choice').map(({ data }) => data);

describe('locking', () => {
  test('the same hand once more, or Enter: said, shown, and for good', () => {
    for (const lock of [(play) => play.does('choose', 2), (play) => play.does('lock')]) {
      const play = new Play().playing().does('choose', 1).does('choose', 2);
      assert.match(seen(play).detail, /Tap it again to lock/);
      lock(play);
      play.does('choose', 3).does('lock');
      assert.deepEqual(choices(play), [{ choice: 1 }, { choice: 2 }, { choice: 2, lock: true }]);
      assert.equal(play.stage.hand, 2);
      const { detail, hands, me } = seen(play);
      assert.equal(detail, 'Locked: it stays.');
      assert.deepEqual(hands.map(({ chosen, locked, enabled }) => [chosen, locked, enabled]), [[false, false, false], [true, true, false], [false, false, false]]);
      assert.deepEqual([me.locked, me.status], [true, ''], 'who locked is spoken to, not of');
    }
  });

  test('nothing can be locked before a hand is chosen: an Enter that was meant for something else does nothing', () => {
    const play = new Play().playing().does('lock');
    assert.deepEqual(choices(play), []);
    assert.equal(play.stage.locked, false);
    const over = new Play().playing().does('choose', 1).wait(5000).does('lock');
    assert.equal(over.stage.locked, false);
  });

  test('the other\'s lock is seen, and not which hand', () => {
    const play = new Play().playing().hears('movement', { uid: 'you', movement: 'choice' });
    assert.equal(seen(play).others[0].status, 'has chosen');
    play.hears('movement', { uid: 'you', movement: 'choice', locked: true });
    const [other] = seen(play).others;
    assert.deepEqual([other.status, other.locked, other.hand.name], ['has locked', true, 'secret']);
    assert.match(seen(play).announcement, /You: has locked/);
  });

  test('a lock that comes too fast is said again', () => {
    const play = new Play().playing().does('choose', 1).does('lock').hears('fault', { event: 'choice', code: 'too_fast' });
    play.effects();
    play.untilDue();
    assert.deepEqual(choices(play), [{ choice: 1, lock: true }]);
  });

  test('a hand that is locked elsewhere: the server is asked which', () => {
    const play = new Play().playing().does('choose', 1).hears('fault', { event: 'choice', code: 'hand_locked' });
    assert.ok(play.kinds().includes('redial'));
    assert.equal(play.stage.name, 'playing');
  });
});
