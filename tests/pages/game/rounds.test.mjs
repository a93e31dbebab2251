// The game as a client sees it, with values and no sleeping: a round from its beginning to its end, and leaving.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HI, ME, Play, SEATS, result, room } from './play.mjs';

describe('a round from its beginning to its end', () => {
  test('hi brings the score along, if it knows it', () => {
    const play = new Play().open().hears('hi', HI);
    assert.equal(play.game.standing, null);
    play.does('wake').hears('hi', { ...HI, totalScore: 7, winStreak: 2 });
    assert.deepEqual(play.game.standing, { total: 7, streak: 2, best: 2, rounds: null, wins: 0 });
  });

  test('hello goes out as soon as the connection is open, and hi brings people and a token to keep', () => {
    const play = new Play({ place: { lat: 1, lng: 2 }, token: 'old' }).open();
    assert.deepEqual(play.effects(), [{ kind: 'send', event: 'hello', data: {
      user: { uid: 'me', uname: 'Me', uavatar: ME.picture }, cordinate: { lat: 1, lng: 2 }, token: 'old',
    } }]);
    play.hears('hi', HI);
    assert.equal(play.game.link, 'online');
    assert.equal(play.game.nearby, 4);
    assert.deepEqual(play.effects(), [{ kind: 'keep', person: ME, token: 'secret' }]);
  });

  test('whoever taps before the connection is there gets a seat as soon as it is', () => {
    const play = new Play().does('play');
    assert.equal(play.stage.name, 'waiting');
    assert.deepEqual(play.kinds(), ['hurry']);
    play.open().hears('hi', HI);
    assert.deepEqual(play.said(), ['hello', 'join']);
  });

  test('play, wait, choose, change, result', () => {
    const play = new Play().online().does('play');
    assert.deepEqual(play.said(), ['join']);
    play.hears('room', room());
    assert.equal(play.stage.seated, true);
    play.hears('room', room('you'));
    assert.deepEqual(play.stage.others.map(({ uid }) => uid), ['you']);
    play.hears('room', { ...room('you'), full: true });
    assert.deepEqual(play.stage.others, [], 'nobody is waited for any more');
    play.hears('start', { gameTime: 5, roomUsers: SEATS });
    assert.equal(play.stage.name, 'playing');
    assert.equal(play.stage.endsAt, play.now + 5000);
    assert.deepEqual(play.game.standing, { total: 3, streak: 2, best: 2, rounds: null, wins: 0 });
    play.does('choose', 2).does('choose', 3);
    assert.deepEqual(play.kinds(), ['remember', 'start', 'choose', 'choice', 'choose', 'choice']);
    play.hears('movement', { uid: 'you', movement: 'choice' }).hears('movement', { uid: 'you', movement: 'choice' });
    assert.equal(play.stage.moves.you, 2);
    play.wait(5010).hears('result', result(3, 2, { roundScore: 3, totalScore: 6, winStreak: 3 }));
    assert.equal(play.stage.name, 'result');
    assert.equal(play.stage.outcome, 'win');
    assert.deepEqual(play.game.standing, { total: 6, streak: 3, best: 3, rounds: null, wins: 1 });
    assert.deepEqual(play.stage.before, { total: 3, streak: 2, best: 2, rounds: null, wins: 0 });
    play.effects();
    play.does('play');
    assert.deepEqual(play.said(), ['join']);
  });

  test('a tap that comes too soon after the screen has changed was meant for what stood there before', () => {
    const play = new Play().online();
    assert.equal(play.game.settled, true);
    play.does('play');
    assert.equal(play.game.settled, false);
    play.wait(350);
    assert.equal(play.game.settled, true);
    play.hears('room', room('you'));
    assert.equal(play.game.settled, true, 'still the same screen');
    play.hears('start', { gameTime: 5, roomUsers: SEATS }).wait(5000).hears('result', result(1, 2));
    assert.equal(play.game.settled, false);
  });

  test('the last three seconds are counted, each once', () => {
    const play = new Play().playing(5);
    play.wait(1999);
    assert.deepEqual(play.kinds(), []);
    play.wait(1);
    assert.deepEqual(play.kinds(), ['count']);
    play.wait(1000).wait(1000);
    assert.deepEqual(play.kinds(), ['count', 'count']);
    play.wait(1000);
    assert.deepEqual(play.kinds(), []);
  });

  for (const [mine, yours, outcome] of [[1, 2, 'lose'], [2, 2, 'draw'], [null, null, 'draw'], [null, 1, 'lose']]) {
    test(`${mine} against ${yours} without a score is a ${outcome}`, () => {
      const play = new Play().playing().hears('result', result(mine, yours));
      assert.equal(play.stage.outcome, outcome);
      assert.ok(play.kinds().includes(outcome));
    });
  }

  test('a hand after the end is neither shown nor sent', () => {
    const play = new Play().playing().wait(5000);
    play.effects();
    play.does('choose', 1);
    assert.equal(play.stage.hand, null);
    assert.deepEqual(play.said(), []);
  });

  test('faces: mine is sent and seen, others go away by themselves', () => {
    const play = new Play().playing().does('pull', 2).hears('movement', { uid: 'you', movement: 'face', face: 3 });
    assert.deepEqual(play.said(), ['face']);
    assert.equal(play.game.faces.me.face, 2);
    assert.equal(play.game.faces.you.face, 3);
    play.does('pull', 1);
    assert.deepEqual(play.said(), [], 'two at once are one');
    play.wait(3000);
    assert.deepEqual(Object.keys(play.game.faces), []);
  });

  test('a uid may be any string', () => {
    for (const uid of ['constructor', '__proto__', 'toString']) {
      const seats = [SEATS[0], { ...SEATS[1], uid }];
      const play = new Play().online().does('play').hears('room', room()).hears('start', { gameTime: 5, roomUsers: seats });
      play.hears('movement', { uid, movement: 'choice' }).hears('movement', { uid, movement: 'face', face: 1 });
      assert.equal(play.stage.moves[uid], 1);
      assert.equal(play.game.faces[uid].face, 1);
      const [, { hand, left }] = play.hears('result', { result: [{ uid: 'me', choice: 2 }, { uid, choice: 2 }] }).stage.lines;
      assert.deepEqual({ hand, left }, { hand: 2, left: false });
    }
  });

  test('nobody is there to see a face', () => {
    const play = new Play().online().does('play').does('pull', 1);
    assert.deepEqual(play.said(), ['join']);
  });
});

describe('leaving', () => {
  test('what the server said before it read our leave is ignored', () => {
    const play = new Play().online().does('play').does('leave');
    assert.deepEqual(play.said(), ['join', 'leave', 'hello']);
    play.hears('room', room('you')).hears('start', { gameTime: 5, roomUsers: SEATS });
    assert.equal(play.stage.name, 'ready');
    play.hears('hi', HI).hears('start', { gameTime: 5, roomUsers: SEATS });
    assert.equal(play.stage.name, 'playing', 'and what it says afterwards is not');
  });

  test('an answer to an earlier hello does not end that', () => {
    const play = new Play().online().does('wake').does('play').does('leave').hears('hi', HI).hears('room', room('you'));
    assert.equal(play.stage.name, 'ready');
    play.hears('hi', HI).hears('room', room('you'));
    assert.equal(play.stage.name, 'waiting');
  });

  test('whoever asks again at once is seated when the old seat is surely gone', () => {
    const play = new Play().online().does('play').does('leave').does('play');
    assert.deepEqual(play.said(), ['join', 'leave', 'hello']);
    play.hears('hi', HI);
    assert.deepEqual(play.said(), ['join']);
  });

  test('a seat given up while the connection is lost is given up when it is back', () => {
    const play = new Play().playing();
    play.game.closed();
    play.does('leave').open().hears('hi', HI);
    assert.deepEqual(play.said(), ['hello', 'leave', 'hello']);
  });

  test('a leave that may have been lost with the connection is said again', () => {
    const play = new Play().playing().does('leave');
    play.game.closed();
    play.effects();
    play.open().hears('hi', HI);
    assert.deepEqual(play.said(), ['hello', 'leave', 'hello']);
  });
});
