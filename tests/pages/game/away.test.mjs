// A lost connection costs nothing: whoever comes back goes on, or is told how it ended, once, and every word of it is true.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import { HI, Play, SEATS, result, room } from './play.mjs';

const require = createRequire(import.meta.url);
const { scene } = require('../../../miniprogram/game/scene.js');
const { recall } = require('../../../miniprogram/game/memory.js');
const { en } = require('../../../miniprogram/game/words.js');

const seen = (play) => scene(play.game, en, play.now);
const start = (more = {}, seats = SEATS) => ({ gameTime: 3, roomUsers: seats, ...more });
const WON = result(2, 1, { roundScore: 3, totalScore: 6, winStreak: 3 });
/** What `hi` says when that round has been counted. */
const AFTER = { ...HI, totalScore: 6, winStreak: 3, bestStreak: 3, rounds: 8, wins: 5, missed: WON };

/** What the device has kept. */
function kept(play) {
  const memories = play.effects().filter(({ kind }) => kind === 'remember');
  return JSON.parse(JSON.stringify({ ...memories.at(-1).memory, at: 0 }));
}

/** A page in a round, of which only what it has kept is left. */
function reloaded(before, options = {}) {
  return new Play({ memory: recall(kept(before), 1000), ...options }).open();
}

/** A round whose effects have not been taken yet. */
const playing = (hi = HI) => new Play().open().hears('hi', hi).does('play').hears('start', { gameTime: 5, roomUsers: SEATS });

describe('back in time', () => {
  test('after a reload: the time that is left, and one\'s own hand and lock', () => {
    for (const [told, hand, locked] of [[{}, null, false], [{ choice: 3 }, 3, false], [{ choice: 3, lock: true }, 3, true]]) {
      const play = reloaded(playing()).hears('hi', HI).hears('start', start(told));
      assert.deepEqual([play.stage.name, play.stage.hand, play.stage.locked], ['playing', hand, locked]);
      assert.equal(play.stage.endsAt, play.now + 3000);
      assert.deepEqual(play.said(), ['hello'], 'nothing is said again');
      assert.equal(play.wait(2600).stage.name, 'playing', 'the round is not given up');
    }
  });

  test('on the same page: what the server has is not said again, what it lacks is', () => {
    const play = new Play().playing().does('choose', 1);
    play.game.closed();
    play.effects();
    play.open().hears('hi', HI).hears('start', start({ choice: 1 }));
    assert.deepEqual(play.said(), ['hello']);
    play.game.closed();
    play.does('choose', 1).open().hears('hi', HI).hears('start', start({ choice: 1 }));
    assert.deepEqual(play.effects().filter(({ kind }) => kind === 'send').map(({ data }) => data).at(-1), { choice: 1, lock: true });
  });

  test('a hand that was locked meanwhile, in another window, is the one that counts', () => {
    const play = new Play().playing().does('choose', 1);
    play.game.closed();
    play.does('choose', 2).open().hears('hi', HI).hears('start', start({ choice: 3, lock: true }));
    assert.deepEqual([play.stage.hand, play.stage.locked], [3, true]);
    assert.deepEqual(play.said().filter((said) => said.startsWith('choice')), ['choice 1'], 'nothing against it is said');
  });

  test('who is away, and who has locked, is seen from the start that comes back', () => {
    const play = reloaded(playing()).hears('hi', HI).hears('start', start({}, [SEATS[0], { ...SEATS[1], away: true }]));
    assert.match(seen(play).others[0].status, /cut off/);
    play.hears('back', { uid: 'you' });
    assert.equal(seen(play).others[0].status, 'is thinking');
  });
});

describe('back too late', () => {
  for (const where of ['still in the round', 'after its time', 'loaded again']) {
    test(`${where}: shown as the result would have been, with names, streak and score`, () => {
      const before = { ...HI, totalScore: 3, winStreak: 2, bestStreak: 2, rounds: 7, wins: 4 };
      let play = playing(before);
      if (where === 'loaded again') play = reloaded(play);
      else {
        play.game.closed();
        if (where === 'after its time') play.wait(60_000);
        play.open();
      }
      play.hears('hi', AFTER);
      assert.equal(play.stage.name, 'result');
      const shown = seen(play);
      assert.deepEqual([shown.headline, shown.others[0].name, shown.me.gained, shown.outcome], ['You win!', 'You', '+3', 'win']);
      assert.equal(shown.detail, 'While you were away: Rock breaks scissors. 3 wins in a row! They call you “Known Blade” now.');
      assert.equal(shown.note, '');
      assert.deepEqual(play.game.standing, { total: 6, streak: 3, best: 3, rounds: 8, wins: 5 }, 'counted once');
      assert.deepEqual(shown.tally.text, '1 : 0');
      assert.equal(play.wait(3000).game.note, null);
    });
  }

  test('it is told once, however often the server tells it', () => {
    const play = new Play().playing().hears('result', WON).does('leave').hears('hi', HI);
    play.game.closed();
    play.open().hears('hi', AFTER);
    assert.equal(play.stage.name, 'ready');
    const again = reloaded(playing().hears('result', WON)).hears('hi', AFTER);
    assert.equal(again.stage.name, 'ready');
    // The same hands once more are another round.
    again.hears('start', { gameTime: 5, roomUsers: SEATS });
    again.game.closed();
    again.open().hears('hi', AFTER);
    assert.equal(again.stage.name, 'result');
  });

  test('on a device that has kept nothing: the hands, and names where they are known', () => {
    const play = new Play().open().hears('hi', { ...AFTER, missed: { result: [WON.result[0], { ...WON.result[1], uid: 'robot:1-1' }] } });
    const shown = seen(play);
    assert.deepEqual([shown.headline, shown.others[0].name, shown.others[0].robot, shown.tally], ['You win!', 'Somebody', 'Robot', null]);
  });

  test('it comes before a wish made meanwhile, and again is one tap away', () => {
    const play = playing();
    play.game.closed();
    play.wait(60_000).does('play').open();
    play.effects();
    play.hears('hi', AFTER);
    assert.equal(play.stage.name, 'result');
    assert.deepEqual(play.said(), []);
    play.does('play');
    assert.deepEqual(play.said(), ['join']);
  });

  test('a result that arrives with an answer that is not the last is not lost', () => {
    const play = playing();
    play.game.closed();
    play.open().does('introduce', { name: 'N' }).hears('hi', AFTER);
    assert.equal(play.stage.name, 'result');
    assert.equal(play.hears('hi', HI).game.link, 'online');
  });

  test('whom of two the server says has won, the other has lost to, whoever left', () => {
    const won = { ...AFTER, missed: result(null, 2, { roundScore: 3, totalScore: 6, winStreak: 3 }) };
    const play = playing();
    play.game.closed();
    play.open().hears('hi', won);
    assert.deepEqual([seen(play).me.outcome, seen(play).others[0].outcome], ['win', 'lose']);
  });
});

describe('a server that knows nothing of the round', () => {
  test('has lost it: said, also after a reload, and not before it had the time to answer', () => {
    for (const again of [false, true]) {
      let play = playing();
      if (again) play = reloaded(play);
      else {
        play.game.closed();
        play.open();
      }
      play.hears('hi', HI);
      assert.equal(play.game.note, null);
      play.wait(2500);
      assert.deepEqual([play.stage.name, play.game.note], ['ready', 'round_lost']);
      assert.match(seen(play).note, /lost: the server no longer knows/);
      assert.equal(kept(play).round, null, 'and is not said again');
    }
  });

  test('has counted it: that is said, and not that it is lost', () => {
    const play = reloaded(playing({ ...HI, totalScore: 3, winStreak: 2, rounds: 7 })).hears('hi', { ...AFTER, missed: undefined });
    play.wait(2500);
    assert.equal(play.game.note, 'round_over');
  });

  test('is not asked about a round of the day before', () => {
    const memory = kept(playing());
    assert.equal(recall(memory, 600_001).round, null);
    assert.equal(recall({ ...memory, at: 700_000 }, 650_000).round.seats.length, 2, 'a clock that was set back is no reason');
    for (const junk of [null, 7, [], { round: 3 }, { round: { seats: [1] }, at: 1 }, { tallies: [[1, 2, 3], ['a', 'b', 0]] }]) {
      assert.deepEqual(recall(junk, 1), { round: null, seen: '', tallies: [] });
    }
  });
});

describe('without a connection', () => {
  test('every sentence is true', () => {
    const play = new Play().playing();
    play.game.closed();
    assert.deepEqual([seen(play).headline, seen(play).detail], ['Choose!', 'The connection is lost. Your seat is kept.']);
    play.does('choose', 2);
    assert.match(seen(play).detail, /Back in time, this hand counts/);
    play.wait(5000);
    assert.deepEqual([seen(play).headline, seen(play).detail], ['Time is up', 'You see how it ended when the connection is back.']);
    play.wait(4000);
    assert.equal(seen(play).note, 'You see how that round ended when the connection is back.');
  });

  test('a round that was left meanwhile is not said to be lost', () => {
    const play = new Play().playing();
    play.game.closed();
    play.does('leave').open().hears('hi', HI).hears('hi', HI).wait(3000);
    assert.equal(play.game.note, null);
  });

  test('another window may play on: this one does not say that its round is lost', () => {
    const play = new Play().playing().hears('fault', { event: 'hello', code: 'replaced' });
    play.does('comeBack').open().hears('hi', HI).wait(3000);
    assert.equal(play.game.note, null);
  });
});

describe('the other', () => {
  test('that is cut off keeps its seat, and that is said; one that is back, too', () => {
    const play = new Play().playing().hears('away', { uid: 'you' });
    assert.deepEqual([seen(play).others[0].status, seen(play).others[0].away, seen(play).others[0].left], ['is cut off, seat kept', true, false]);
    assert.match(seen(play).announcement, /You: is cut off/);
    play.hears('back', { uid: 'you' });
    assert.deepEqual([seen(play).others[0].status, seen(play).others[0].away], ['is thinking', false]);
    play.hears('away', { uid: 'you' }).hears('leave', { uid: 'you' });
    assert.equal(seen(play).others[0].status, 'has left');
  });

  test('waits along, and is cut off', () => {
    const play = new Play().online().does('play').hears('room', room('you')).hears('away', { uid: 'you' });
    assert.equal(seen(play).others[0].away, true);
  });
});

test('how many are near is kept by the server\'s word', () => {
  const play = new Play().online().hears('nearby', { nearby: 9 });
  assert.equal(seen(play).online, '9 others online');
  play.hears('nearby', { nearby: 'x' });
  assert.equal(play.game.nearby, 9);
});
