// Those who have just played each other meet again: what is asked, what is said, and what is counted.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import { HI, Play, SEATS, result, room } from './play.mjs';

const require = createRequire(import.meta.url);
const { scene } = require('../../../miniprogram/game/scene.js');
const { en, zh } = require('../../../miniprogram/game/words.js');

const ROBOT = { uid: 'robot:1-1', uname: '木人·甲', uavatar: '', robot: true };
const seen = (play, words = en) => scene(play.game, words, play.now);
const joins = (play) => play.effects().filter(({ event }) => event === 'join').map(({ data }) => data ?? null);
const labels = (play) => ['primary', 'secondary', 'third'].map((step) => seen(play)[step]?.label);

/** After a round between two people. */
function finished(mine = 2, yours = 1) {
  const play = new Play().playing().hears('result', result(mine, yours, { roundScore: mine === 2 ? 3 : 0, totalScore: 6 }));
  play.effects();
  return play;
}

/** The other asks for a rematch; or no longer. */
const invited = (play, rematch = 'you') => play.hears('room', { roomId: 'r', full: false, rematch, users: rematch ? [SEATS[1]] : [] });

describe('again', () => {
  test('is asked of the other first: that is said, and there are two ways round it', () => {
    const play = finished().does('play').hears('room', room());
    assert.deepEqual(joins(play), [null]);
    assert.deepEqual([seen(play).headline, seen(play).detail], ['A rematch with You?', 'You comes first, then anybody.']);
    assert.deepEqual(labels(play), ['Cancel', 'Play a robot', 'Play anybody']);
    assert.match(seen(play, zh).headline, /再战/);
  });

  test('is not asked twice unless anybody will do, however slow the server is', () => {
    const play = finished().does('play').wait(3000);
    assert.deepEqual(joins(play), [null], 'a second one would give the friend up');
    play.hears('hi', HI);
    assert.deepEqual(joins(play), [null], 'the connection is well, and it has no seat');
    play.hears('room', room()).wait(20_000).hears('hi', HI);
    assert.deepEqual(joins(play), []);
  });

  test('anybody: a second join, at once', () => {
    const play = finished().does('play').hears('room', room()).does('anybody');
    assert.deepEqual(joins(play), [null, null]);
    assert.deepEqual([seen(play).headline, seen(play).third], ['Finding an opponent…', null]);
    play.does('anybody');
    assert.deepEqual(joins(play), []);
  });

  test('a robot: at once, from the result and from waiting', () => {
    const play = finished();
    assert.equal(seen(play).third.label, 'Play a robot');
    play.does('robot');
    assert.deepEqual(joins(play), [{ robot: true }]);
    assert.deepEqual(labels(play), ['Cancel', undefined, undefined]);
    const waiting = new Play().online().does('play').hears('room', room());
    assert.equal(seen(waiting).secondary.label, 'Play a robot');
    waiting.does('robot').does('robot');
    assert.deepEqual(joins(waiting), [null, { robot: true }]);
  });

  test('what is asked for survives a lost connection', () => {
    for (const [wish, expected] of [['play', [null]], ['robot', [{ robot: true }]], ['anybody', [null, null]]]) {
      const play = finished();
      if (wish === 'anybody') play.does('play');
      play.does(wish);
      play.game.closed();
      play.effects();
      play.open().hears('hi', HI);
      assert.deepEqual(joins(play), expected, wish);
    }
    const kept = finished().does('play').hears('room', room());
    kept.game.closed();
    kept.effects();
    // The place was kept: the server says so before it refuses the join.
    kept.open().hears('hi', HI).hears('room', room()).hears('fault', { event: 'join', code: 'already_seated' }).wait(5000);
    assert.deepEqual(joins(kept), [null]);
    assert.equal(seen(kept).headline, 'A rematch with You?');
  });

  test('against a robot, or one that has left, is as always', () => {
    const robot = new Play().online().hears('start', { gameTime: 5, roomUsers: [SEATS[0], ROBOT] });
    robot.hears('result', { result: [{ uid: 'me', choice: 1 }, { uid: ROBOT.uid, choice: 2 }] });
    const left = new Play().playing().hears('leave', { uid: 'you' }).hears('result', result(2, null, { roundScore: 1 }));
    for (const play of [robot, left]) {
      assert.deepEqual(labels(play), ['Play again', 'Enough for now', undefined]);
      assert.equal(seen(play.does('play')).headline, 'Finding an opponent…');
    }
  });
});

describe('an invitation', () => {
  test('is shown on the result, and taken with the one next step', () => {
    const play = invited(finished());
    assert.equal(seen(play).others[0].status, 'wants a rematch');
    assert.deepEqual(labels(play), ['Rematch', 'No, thanks', 'Play a robot']);
    assert.equal(seen(play).announcement, 'You wants a rematch.');
    assert.equal(play.stage.name, 'result', 'it seats nobody');
    play.does('play');
    assert.deepEqual(joins(play), [null]);
  });

  test('is shown to who was loaded again, and to who is at the beginning', () => {
    const play = invited(new Play().online());
    assert.equal(seen(play).note, 'You wants a rematch.');
    assert.equal(seen(play).announcement, 'You wants a rematch.');
    assert.deepEqual(labels(play), ['Rematch', 'No, thanks', undefined]);
    assert.match(seen(play.does('play')).headline, /rematch with You/);
  });

  test('ends: by leave and room, and by a start, and with the connection', () => {
    const ended = invited(finished());
    ended.hears('leave', { uid: 'you' });
    assert.equal(seen(ended).primary.label, 'Play again');
    assert.equal(seen(ended).others[0].status, '');
    assert.equal(seen(invited(invited(finished()), null)).primary.label, 'Play again');
    const started = invited(finished()).hears('start', { gameTime: 5, roomUsers: SEATS }).hears('result', result(1, 1));
    assert.equal(seen(started).primary.label, 'Play again');
    const lost = invited(finished());
    lost.game.closed();
    assert.equal(seen(lost).primary.label, 'Play again');
  });

  test('of somebody else changes nothing for who waits or plays', () => {
    const waiting = invited(new Play().online().does('play').hears('room', room()));
    assert.equal(waiting.game.invitation, null);
    assert.equal(waiting.stage.name, 'waiting');
    assert.equal(invited(new Play().playing()).stage.name, 'playing');
  });

  test('is declined by going away from the result: the other need not wait', () => {
    for (const play of [finished(), invited(finished()), invited(new Play().online())]) {
      play.effects();
      play.does('leave');
      assert.deepEqual(play.said(), ['leave', 'hello']);
      invited(play);
      assert.equal(seen(play).note, '', 'what was on its way says nothing any more');
      play.hears('hi', HI).does('play');
      assert.deepEqual(joins(play), [null]);
      assert.equal(seen(play).headline, 'Finding an opponent…');
    }
  });
});

describe('the score between two', () => {
  test('counts wins of both, and no draw', () => {
    const play = new Play();
    const shown = [[2, 1], [1, 2], [1, 1], [2, 1]].map(([mine, yours]) => {
      play.playing().hears('result', result(mine, yours, { roundScore: mine > yours ? 1 : 0 }));
      return seen(play).tally.text;
    });
    assert.deepEqual(shown, ['1 : 0', '1 : 1', '1 : 1', '2 : 1']);
    assert.equal(seen(play).tally.label, 'Against You: 2 to 1');
    assert.match(seen(play).announcement, /Against You: 2 to 1/);
    // One that leaves has lost, on both screens.
    play.playing().does('leave').hears('hi', HI);
    play.playing().hears('leave', { uid: 'you' }).hears('result', result(2, null, { roundScore: 1 }));
    assert.equal(seen(play).tally.text, '3 : 2');
  });

  test('is none against robots, among three, or before anybody has won', () => {
    assert.equal(seen(new Play().playing().hears('result', result(1, 1))).tally, null);
    const robot = new Play().online().hears('start', { gameTime: 5, roomUsers: [SEATS[0], ROBOT] });
    robot.hears('result', { result: [{ uid: 'me', choice: 1 }, { uid: ROBOT.uid, choice: 2 }] });
    assert.equal(seen(robot).tally, null);
    const third = { ...SEATS[1], uid: 'third' };
    const three = new Play().online().hears('start', { gameTime: 5, roomUsers: [...SEATS, third] });
    three.hears('result', { result: [...result(1, 2).result, { uid: 'third', choice: 2 }] });
    assert.equal(seen(three).tally, null);
  });

  test('is kept, for some opponents', () => {
    const play = new Play();
    for (let n = 0; n < 12; n += 1) {
      const other = { ...SEATS[1], uid: `other${n}` };
      play.online().hears('start', { gameTime: 5, roomUsers: [SEATS[0], other] });
      play.hears('result', { result: [{ uid: 'me', choice: 2, roundScore: 1 }, { uid: other.uid, choice: 1 }] });
    }
    const { memory } = play.effects().findLast(({ kind }) => kind === 'remember');
    assert.deepEqual(memory.tallies.map(([uid]) => uid), [4, 5, 6, 7, 8, 9, 10, 11].map((n) => `other${n}`));
  });
});
