// A connection that is lost, a server that is silent: every wait has an end, and every state a way out.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HI, Play, RESULT_GRACE, SEATS, result, room } from './play.mjs';

describe('the connection is lost', () => {
  test('while waiting: a new seat on the new connection', () => {
    const play = new Play().online().does('play').hears('room', room('you'));
    play.game.closed();
    assert.equal(play.game.link, 'lost');
    assert.deepEqual(play.stage.others, []);
    play.effects();
    play.open().hears('hi', HI);
    assert.deepEqual(play.said(), ['hello', 'join']);
  });

  test('in a round that the server kept: it goes on, and the hand chosen meanwhile is said', () => {
    const play = new Play().playing();
    play.game.closed();
    play.does('choose', 1);
    assert.deepEqual(play.said(), []);
    play.wait(1500).open().hears('hi', HI);
    play.hears('start', { gameTime: 3.5, roomUsers: SEATS });
    assert.equal(play.stage.endsAt, play.now + 3500);
    assert.deepEqual(play.said(), ['hello', 'choice 1']);
    play.wait(3500).hears('result', result(1, 3, { roundScore: 1 }));
    assert.equal(play.stage.outcome, 'win');
  });

  test('the next round of the same two is another, and the old hand is not for it', () => {
    const play = new Play().playing().does('choose', 1);
    play.game.closed();
    play.wait(6000).open().hears('hi', HI).hears('start', { gameTime: 5, roomUsers: SEATS });
    assert.equal(play.stage.hand, null);
    assert.deepEqual(play.said().slice(1), ['hello'], 'the choice of the old round is not said again');
  });

  test('in a round that went on without us: said in words, after a moment', () => {
    const play = new Play().playing();
    play.game.closed();
    play.open().hears('hi', HI).untilDue();
    while (play.stage.name === 'playing') play.untilDue();
    assert.equal(play.game.note, 'round_lost');
    assert.equal(play.stage.name, 'ready');
    play.does('play');
    assert.equal(play.game.note, null);
  });

  test('in a round, and it does not come back: the round ends all the same', () => {
    const play = new Play().playing();
    play.game.closed();
    play.wait(5000 + RESULT_GRACE);
    assert.equal(play.stage.name, 'ready');
    assert.equal(play.game.note, 'no_result');
  });

  test('after the result: it stays to be read, and again works as soon as it can', () => {
    const play = new Play().playing().hears('result', result(1, 2));
    play.game.closed();
    assert.equal(play.stage.name, 'result');
    play.effects();
    play.does('play');
    assert.deepEqual(play.kinds(), ['hurry']);
    play.open().hears('hi', HI);
    assert.deepEqual(play.said(), ['hello', 'join']);
  });
});

describe('the server is silent', () => {
  test('no hi: another connection', () => {
    const play = new Play().open();
    play.effects();
    play.untilDue();
    assert.deepEqual(play.kinds(), ['redial']);
    assert.equal(play.game.link, 'lost');
  });

  test('who only looks on asks from time to time, and notices', () => {
    const play = new Play().online().untilDue();
    assert.deepEqual(play.said(), ['hello']);
    play.hears('hi', { ...HI, nearby: 9 });
    assert.equal(play.game.nearby, 9);
    play.untilDue();
    assert.deepEqual(play.said(), ['hello']);
    play.untilDue();
    assert.deepEqual(play.kinds(), ['redial']);
  });

  test('who plays asks as well: rounds do not make it forget how many there are, nor miss a server that is gone', () => {
    const play = new Play().playing(60).wait(25_000);
    assert.deepEqual(play.said(), ['hello']);
    play.hears('hi', { ...HI, nearby: 9 });
    assert.equal(play.game.nearby, 9);
    assert.equal(play.stage.name, 'playing');
    play.wait(34_000);
    assert.ok(play.kinds().includes('redial'), 'before the round is over');
  });

  test('no room: asked again, and the connection with it', () => {
    const play = new Play().online().does('play');
    play.effects();
    play.untilDue();
    assert.deepEqual(play.said(), ['join', 'hello']);
    while (play.game.link === 'online') play.untilDue();
    assert.ok(play.kinds().includes('redial'));
    assert.equal(play.stage.name, 'waiting', 'the wish remains');
  });

  test('no result: the round ends, on another connection', () => {
    const play = new Play().playing();
    while (play.stage.name === 'playing') play.untilDue();
    assert.ok(play.kinds().includes('redial'));
    assert.equal(play.game.note, 'no_result');
  });

  test('a device that slept through the end of its round reads what has come before it complains', () => {
    const play = new Play().playing().does('choose', 2);
    play.effects();
    play.sleep(60_000);
    assert.deepEqual(play.said(), ['hello']);
    assert.equal(play.stage.name, 'playing');
    play.hears('result', result(2, 1, { roundScore: 1 }));
    assert.equal(play.stage.outcome, 'win');

    const lost = new Play().playing().sleep(60_000).wait(4000);
    assert.equal(lost.game.note, 'no_result');
    assert.ok(lost.kinds().includes('redial'));
  });

  test('a device that slept while it asked gives the answer the time to be read', () => {
    const play = new Play().open().sleep(60_000);
    assert.ok(!play.kinds().includes('redial'));
    play.hears('hi', HI);
    assert.equal(play.game.link, 'online');
  });

  test('back from the background, it is asked at once and has less time', () => {
    const play = new Play().online().does('wake');
    assert.deepEqual(play.said(), ['hello']);
    assert.ok(play.game.deadline() - play.now <= 4000);
    play.game.closed();
    play.does('wake');
    assert.deepEqual(play.kinds(), ['hurry']);
  });
});

test('random days of a player: no state without a way out', () => {
  let seed = 1;
  const random = () => ((seed = (seed * 48271) % 2147483647) / 2147483647);
  const pick = (list) => list[Math.floor(random() * list.length)];
  const codes = ['uid_taken', 'name_reserved', 'too_fast', 'closing', 'already_seated', 'not_seated', 'no_round', 'replaced', 'news'];
  const deeds = [
    (play) => play.does('play'), (play) => play.does('leave'), (play) => play.does('choose', pick([1, 2, 3])),
    (play) => play.does('pull', 1), (play) => play.does('wake'), (play) => play.does('comeBack'), (play) => play.open(),
    (play) => { play.game.closed(); }, (play) => play.hears('hi', HI), (play) => play.hears('room', room(...pick([[], ['you']]))),
    (play) => play.hears('start', { gameTime: 5, roomUsers: SEATS }), (play) => play.hears('result', result(1, 2)),
    (play) => play.hears('fault', { event: pick(['hello', 'join', 'choice']), code: pick(codes) }),
    (play) => play.wait(random() * 6000), (play) => play.does('introduce', { name: 'N' }),
  ];
  for (let day = 0; day < 300; day += 1) {
    const play = new Play();
    for (let step = 0; step < 60; step += 1) {
      pick(deeds)(play);
      const { link, stage } = play.game;
      // Online or greeting something is always due; a lost connection is the transport's to bring back.
      if (link === 'online' || link === 'greeting') assert.notEqual(play.game.deadline(), null, `${link} ${stage.name}`);
      if (stage.name === 'playing') assert.notEqual(play.game.deadline(), null);
    }
    // However the day went: a server that behaves from now on leads to a round.
    play.does('comeBack').does('leave').open();
    for (let i = 0; i < 10 && play.game.link !== 'online'; i += 1) play.hears('hi', HI).wait(1);
    assert.equal(play.game.link, 'online');
    play.does('play').hears('hi', HI).hears('hi', HI).hears('room', room('you')).hears('start', { gameTime: 5, roomUsers: [
      { uid: play.game.person.uid, uname: 'Me' }, SEATS[1]] });
    assert.equal(play.stage.name, 'playing');
  }
});
