// The game as a client sees it, with values and no sleeping: what is sent, what is shown, and that every state has a way out.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';

const require = createRequire(import.meta.url);
const { Game, RESULT_GRACE } = require('../../miniprogram/game/game.js');

const ME = { uid: 'me', name: 'Me', picture: 'https://a.example/avatars/fox.svg' };
const SEATS = [
  { uid: 'me', uname: 'Me', uavatar: ME.picture, totalScore: 3, winStreak: 2 },
  { uid: 'you', uname: 'You', uavatar: '', totalScore: 0, winStreak: 0 },
];
const HI = { message: 'welcome', nearby: 4, token: 'secret' };

/** A game with a clock in its hand. */
class Play {
  now = 1000;

  constructor(options = {}) {
    let fresh = 0;
    this.game = new Game({ person: ME, freshUid: () => `fresh${(fresh += 1)}`, guestName: () => 'Guest', ...options });
  }

  /** The effects since the last time: events by their name, others by their kind. */
  effects() {
    const all = [];
    for (let effect = this.game.poll(); effect; effect = this.game.poll()) all.push(effect);
    return all;
  }

  said() {
    return this.effects().filter(({ kind }) => kind === 'send').map(({ event, data }) => (data?.choice ? `${event} ${data.choice}` : event));
  }

  kinds() {
    return this.effects().map(({ kind, event, cue }) => event ?? cue ?? kind);
  }

  hears(event, data = {}) {
    this.game.receive(event, data, this.now);
    return this;
  }

  /** So much time passes, and every deadline in it is kept. */
  wait(ms) {
    const until = this.now + ms;
    for (let due = this.game.deadline(); due !== null && due <= until; due = this.game.deadline()) {
      this.now = Math.max(this.now, due);
      this.game.elapse(this.now);
    }
    this.now = until;
    return this;
  }

  /** So much time passes, and nobody looks at a clock meanwhile. */
  sleep(ms) {
    this.now += ms;
    this.game.elapse(this.now);
    return this;
  }

  /** Lets the time pass to the next deadline, as a driver does; that a new screen has settled is none of interest here. */
  untilDue() {
    if (!this.game.settled) this.wait(350);
    const due = this.game.deadline();
    assert.notEqual(due, null, 'nothing will ever happen again');
    this.now = Math.max(this.now, due);
    this.game.elapse(this.now);
    return this;
  }

  does(what, ...args) {
    this.game[what](...args, this.now);
    return this;
  }

  open() {
    return this.does('opened');
  }

  online() {
    this.open().hears('hi', HI);
    this.effects();
    return this;
  }

  playing(gameTime = 5) {
    this.online().does('play').hears('room', room()).hears('start', { gameTime, roomUsers: SEATS });
    this.effects();
    return this;
  }

  get stage() {
    return this.game.stage;
  }
}

function room(...others) {
  return { roomId: 'r', full: false, users: [{ uid: 'me', uname: 'Me' }, ...others.map((uid) => ({ uid, uname: uid }))] };
}

function result(mine, yours, { roundScore = 0, totalScore = 3, winStreak = 0 } = {}) {
  return { result: [
    { uid: 'me', choice: mine, roundScore, totalScore, winStreak },
    { uid: 'you', choice: yours, roundScore: 0, totalScore: 0, winStreak: 0 },
  ] };
}

describe('a round from its beginning to its end', () => {
  test('hi brings the score along, if it knows it', () => {
    const play = new Play().open().hears('hi', HI);
    assert.equal(play.game.standing, null);
    play.does('wake').hears('hi', { ...HI, totalScore: 7, winStreak: 2 });
    assert.deepEqual(play.game.standing, { total: 7, streak: 2 });
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
    assert.deepEqual(play.game.standing, { total: 3, streak: 2 });
    play.does('choose', 2).does('choose', 3);
    assert.deepEqual(play.kinds(), ['start', 'choose', 'choice', 'choose', 'choice']);
    play.hears('movement', { uid: 'you', movement: 'choice' }).hears('movement', { uid: 'you', movement: 'choice' });
    assert.equal(play.stage.moves.you, 2);
    play.wait(5010).hears('result', result(3, 2, { roundScore: 3, totalScore: 6, winStreak: 3 }));
    assert.equal(play.stage.name, 'result');
    assert.equal(play.stage.outcome, 'win');
    assert.deepEqual(play.game.standing, { total: 6, streak: 3 });
    assert.deepEqual(play.stage.before, { total: 3, streak: 2 });
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
