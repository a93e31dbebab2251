// What the server refuses: the game goes on, and says no more than it has to.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HI, ME, Play, SEATS, result, room } from './play.mjs';

describe('a refused message', () => {
  const fault = (play, event, code) => play.hears('fault', { event, code, message: '' });

  test('a uid that is taken: another one, without the token of the first', () => {
    const play = fault(new Play({ token: 'stale' }).open(), 'hello', 'uid_taken');
    const [, kept, hello] = play.effects();
    assert.deepEqual(kept, { kind: 'keep', person: { ...ME, uid: 'fresh1' }, token: null });
    assert.equal(hello.data.user.uid, 'fresh1');
    assert.equal('token' in hello.data, false);
    play.hears('hi', HI);
    assert.equal(play.game.link, 'online');
  });

  test('a name that is kept for robots: another one, and a word about it', () => {
    const play = fault(new Play().open(), 'hello', 'name_reserved');
    assert.equal(play.game.person.name, 'Guest');
    assert.equal(play.game.note, 'name_refused');
    assert.deepEqual(play.said(), ['hello', 'hello']);
  });

  for (const [code, what] of [['bad_picture', 'picture'], ['bad_place', 'place'], ['bad_token', 'token']]) {
    test(`${code}: hello again, without the ${what}`, () => {
      const play = fault(new Play({ place: { lat: 99, lng: 0 }, token: 'x' }).open(), 'hello', code);
      const hello = play.effects().at(-1).data;
      const sent = { picture: hello.user.uavatar, place: hello.cordinate, token: hello.token };
      assert.ok(!sent[what]);
    });
  }

  test('a hello that comes too fast is said again, but not at once', () => {
    const play = fault(new Play().open(), 'hello', 'too_fast');
    assert.deepEqual(play.said(), ['hello']);
    play.untilDue();
    assert.deepEqual(play.said(), ['hello']);
  });

  test('a choice that comes too fast is said again: the last one counts', () => {
    const play = new Play().playing().does('choose', 1).does('choose', 2);
    fault(play, 'choice', 'too_fast');
    play.effects();
    play.untilDue();
    assert.deepEqual(play.said(), ['choice 2']);
    assert.equal(play.stage.hand, 2);
  });

  for (const stage of ['waiting', 'playing', 'result']) {
    test(`another uid is another person: ${stage}`, () => {
      const play = stage === 'waiting' ? new Play().online().does('play').hears('room', room('you')) : new Play().playing();
      if (stage === 'result') play.hears('result', result(2, 1, { roundScore: 1 }));
      play.game.closed();
      fault(play.open(), 'hello', 'uid_taken');
      assert.equal(play.game.standing, null);
      assert.equal(play.stage.name, stage === 'waiting' ? 'waiting' : 'ready');
      assert.equal(play.game.note, stage === 'playing' ? 'round_lost' : null);
      play.hears('hi', HI);
      assert.equal(play.game.link, 'online');
    });
  }

  test('a leave that comes too fast is said again, and the seat stays given up', () => {
    const play = new Play().playing().does('leave');
    fault(fault(play, 'leave', 'too_fast'), 'hello', 'too_fast').hears('start', { gameTime: 5, roomUsers: SEATS });
    assert.equal(play.stage.name, 'ready');
    play.effects();
    play.wait(2000);
    assert.deepEqual(play.said(), ['hello']);
    play.hears('hi', HI);
    assert.deepEqual(play.said(), ['leave', 'hello']);
  });

  test('a server about to restart says so until it is another', () => {
    const play = fault(new Play().online().does('play'), 'join', 'closing').hears('hi', HI);
    assert.equal(play.game.note, 'restarting');
  });

  test('a server about to restart seats us when it can', () => {
    const play = fault(new Play().online().does('play'), 'join', 'closing');
    assert.equal(play.game.note, 'restarting');
    play.effects();
    play.untilDue();
    assert.ok(play.said().includes('join'));
    play.game.closed();
    play.open().hears('hi', HI);
    assert.equal(play.game.note, null);
    assert.ok(play.said().includes('join'));
  });

  test('join in a seat that survived the connection is not asked for ever', () => {
    const play = new Play().online().does('play').hears('room', room('you'));
    play.game.closed();
    play.open().hears('hi', HI).hears('room', room('you'));
    fault(play, 'join', 'already_seated');
    play.effects();
    play.wait(10_000);
    assert.ok(!play.said().includes('join'));
  });

  test('another window took over: silence, until the player wants it back', () => {
    const play = fault(new Play().playing(), 'hello', 'replaced');
    assert.equal(play.game.link, 'replaced');
    assert.deepEqual(play.kinds(), ['stop']);
    play.game.closed();
    assert.equal(play.game.link, 'replaced');
    assert.equal(play.wait(350).game.deadline(), null);
    play.does('comeBack');
    assert.deepEqual(play.kinds(), ['redial']);
    play.open().hears('hi', HI);
    assert.equal(play.game.link, 'online');
  });

  test('a window that was replaced follows the other', () => {
    const play = fault(new Play().online(), '', 'replaced');
    play.does('follow', { uid: 'other', name: 'Other', picture: '' }, 'fresh');
    play.effects();
    play.does('comeBack').open();
    assert.equal(play.effects().at(-1).data.token, 'fresh');
    const online = new Play().online();
    online.game.follow({ uid: 'other', name: 'Other', picture: '' }, 'fresh');
    assert.equal(online.game.person.uid, 'me', 'who speaks for itself does not');
  });

  test('again works from a window that was replaced, too', () => {
    const play = new Play().playing().hears('result', result(1, 2));
    fault(play, '', 'replaced');
    play.effects();
    play.does('play');
    assert.deepEqual(play.kinds(), ['redial', 'hurry']);
    assert.equal(play.stage.name, 'waiting');
  });

  test('nonsense changes nothing', () => {
    const play = new Play().playing();
    const before = JSON.stringify(play.stage);
    for (const data of [null, 7, 'x', [], {}, { result: 7 }, { result: [] }, { roomUsers: [{}] }, { uid: 7 }]) {
      for (const event of ['room', 'start', 'movement', 'leave', 'result', 'fault', 'news']) play.hears(event, data);
    }
    assert.equal(JSON.stringify(play.stage), before);
  });
});
