// What a screen shows of a game, in words: with values, and no screen.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import { HI, Play, SEATS, result, room } from './play.mjs';

const require = createRequire(import.meta.url);
const { scene } = require('../../../miniprogram/game/scene.js');
const { zh, en } = require('../../../miniprogram/game/words.js');

const ROBOT = { uid: 'robot:1-1', uname: '木人·甲', uavatar: '', totalScore: 0, winStreak: 0, robot: true };

const seen = (play, words = en) => scene(play.game, words, play.now);

/** A round against these, with as many people online as `hi` said. */
function against(others, hi = HI) {
  return new Play().open().hears('hi', hi).does('play').hears('start', { gameTime: 5, roomUsers: [SEATS[0], ...others] });
}

describe('how many people there are', () => {
  test('is what the server said last', () => {
    assert.equal(seen(new Play().online()).online, '4 others online');
    assert.equal(seen(new Play({ place: { lat: 1, lng: 2 } }).online()).online, '4 people near you');
  });

  test('is never less than sit opposite', () => {
    const nobody = { ...HI, nearby: 0 };
    assert.equal(seen(against([SEATS[1]], nobody)).online, '1 other online');
    assert.equal(seen(against([ROBOT], nobody)).online, 'Nobody else online');
    const left = against([SEATS[1]], nobody).hears('leave', { uid: 'you' });
    assert.equal(seen(left).online, 'Nobody else online');
  });

  test('is not known without a connection', () => {
    const play = new Play().online();
    play.game.closed();
    assert.equal(seen(play).online, '');
    assert.equal(seen(play).link, 'Reconnecting…');
  });
});

describe('a robot', () => {
  test('is marked as one, and has a name in the language of whoever sees it', () => {
    const play = against([ROBOT]);
    assert.deepEqual([seen(play).others[0].name, seen(play).others[0].robot], ['Wooden Man 1', 'Robot']);
    assert.deepEqual([seen(play, zh).others[0].name, seen(play, zh).others[0].robot], ['木人·甲', '机器人']);
    assert.equal(seen(play).others[0].avatar, 'robot');
  });

  test('is nobody who only calls itself so', () => {
    assert.equal(seen(against([{ ...ROBOT, uid: 'you', robot: false }])).others[0].name, '木人·甲');
  });
});

describe('what is said to those who do not see the screen', () => {
  test('who it is against and how long one has, once: not at every second', () => {
    const play = against([ROBOT]);
    const first = seen(play).announcement;
    assert.equal(first, 'Wooden Man 1 (Robot). Choose! You have 5 seconds.');
    assert.equal(seen(play.wait(3000)).announcement, first);
    assert.match(seen(play.wait(2000)).announcement, /Reveal!/);
    assert.match(seen(against([ROBOT]), zh).announcement, /木人·甲 \(机器人\)。 出招！ 限时 5 秒。/);
  });

  test('that the other has left', () => {
    const play = against([SEATS[1]]).hears('leave', { uid: 'you' });
    assert.match(seen(play).announcement, /You: has left\./);
  });

  test('both hands, who won, and what it scored', () => {
    const play = new Play().playing().hears('result', result(2, 1, { roundScore: 3, totalScore: 6, winStreak: 3 }));
    assert.match(seen(play).announcement, /^You win! You: rock\. You: scissors\. \+3\. Rock breaks scissors\. 3 wins in a row!/);
  });
});

describe('a streak', () => {
  const ends = (mine, yours, score) => seen(new Play().playing().hears('result', result(mine, yours, score))).detail;

  test('is told where it is one, and where it earns a name', () => {
    assert.equal(ends(2, 1, { roundScore: 1, totalScore: 4, winStreak: 1 }), 'Rock breaks scissors. Win the next one and it is a streak.');
    assert.equal(ends(2, 1, { roundScore: 3, totalScore: 6, winStreak: 3 }), 'Rock breaks scissors. 3 wins in a row! They call you “Known Blade” now.');
    assert.equal(ends(2, 1, { roundScore: 6, totalScore: 9, winStreak: 6 }), 'Rock breaks scissors. 6 wins in a row! They call you “Grandmaster” now.');
  });

  test('that ends is told, too', () => {
    assert.equal(ends(1, 2), 'Rock breaks scissors. A streak of 2 ends.');
    assert.equal(ends(2, 2), 'A streak of 2 ends.');
  });
});

describe('a rank', () => {
  const rank = (hi) => seen(new Play().open().hears('hi', { ...HI, ...hi })).me.rank;

  test('comes of the best streak or of the total, and can be reached', () => {
    const none = { totalScore: 0, winStreak: 0, bestStreak: 0 };
    assert.deepEqual([none, { ...none, totalScore: 1 }, { ...none, totalScore: 10 }, { ...none, bestStreak: 4 }, { ...none, totalScore: 120 },
      { ...none, bestStreak: 7 }, { ...none, totalScore: 400 }].map(rank),
    ['', 'Newcomer', 'Known Blade', 'Hero', 'Grandmaster', 'Master of Wulin', 'Master of Wulin']);
  });

  test('is neither given nor taken by a draw, nor taken by a loss', () => {
    for (const hands of [[1, 1], [1, 2]]) {
      const play = new Play().open().hears('hi', { ...HI, totalScore: 3, winStreak: 2, bestStreak: 5, rounds: 9, wins: 5 });
      play.hears('start', { gameTime: 5, roomUsers: SEATS });
      assert.equal(seen(play).me.rank, 'Grandmaster');
      play.hears('result', result(...hands, { totalScore: 3 }));
      assert.equal(seen(play).me.rank, 'Grandmaster');
      assert.doesNotMatch(seen(play).detail, /They call you/);
      assert.equal(seen(play.does('leave').hears('hi', { ...HI, totalScore: 3, winStreak: 0, bestStreak: 5, rounds: 10, wins: 5 })).me.status, '5 of 10 rounds won');
    }
  });

  test('that is new is told, once', () => {
    const play = new Play().open().hears('hi', { ...HI, totalScore: 9, winStreak: 0, bestStreak: 2, rounds: 9, wins: 5 });
    const win = (total) => {
      play.hears('start', { gameTime: 5, roomUsers: [{ ...SEATS[0], totalScore: total - 1, winStreak: 0 }, SEATS[1]] });
      return seen(play.hears('result', result(2, 1, { roundScore: 1, totalScore: total, winStreak: 1 }))).detail;
    };
    assert.match(win(10), /They call you “Known Blade” now/);
    assert.doesNotMatch(win(11), /They call you/);
  });
});

describe('a loss', () => {
  test('is comforted in other words than the one before', () => {
    const play = new Play();
    const said = ['', '', '', ''].map(() => {
      play.playing().hears('result', result(1, 2));
      // A streak that ends would be told instead.
      play.stage.before.streak = 0;
      return seen(play).detail;
    });
    assert.equal(new Set(said).size, 4, said.join());
    for (const words of [en, zh]) assert.equal(new Set(words.consolations).size, words.consolations.length);
  });
});

describe('leaving', () => {
  test('is asked about in a round only, and what it costs is said', () => {
    const play = new Play().online();
    assert.equal(seen(play).asked, null);
    play.playing();
    assert.match(seen(play).asked.detail, /counts as a loss, and your streak of 2 ends/);
    assert.match(seen(play, zh).asked.detail, /算输，2 连胜/);
    assert.match(seen(against([SEATS[1]], { ...HI, winStreak: 0 })).asked.detail, /loss/);
    assert.equal(seen(play.hears('result', result(1, 2))).asked, null);
  });
});

describe('faces', () => {
  test('can be pulled at a person when the round is over, as long as somebody sees them', () => {
    const play = new Play().playing().hears('result', result(2, 1));
    assert.equal(seen(play).facesOpen, true);
    play.hears('movement', { uid: 'you', movement: 'face', face: 2 });
    assert.equal(seen(play).others[0].face.name, 'crying');
    play.effects();
    play.does('pull', 1);
    assert.deepEqual(play.said(), ['face']);
    assert.equal(seen(play).me.face.name, 'laughing');
    // Nobody is there for it: it is not shown as if somebody were.
    play.hears('fault', { event: 'face', code: 'not_seated' });
    assert.equal(seen(play).me.face, null);
    assert.equal(seen(play).facesOpen, false);
    const alone = against([ROBOT]).hears('result', { result: [{ uid: 'me', choice: 1 }, { uid: ROBOT.uid, choice: 2 }] });
    assert.equal(seen(alone).facesOpen, false);
    const left = new Play().playing().hears('leave', { uid: 'you' }).hears('result', result(2, null));
    assert.equal(seen(left).facesOpen, false);
  });
});

describe('a slower connection', () => {
  test('is said beside how many there are, and forgotten with it', () => {
    const play = new Play();
    play.game.opened(play.now, true);
    play.hears('hi', HI);
    assert.equal(seen(play).online, '4 others online · polling, slower');
    play.game.closed();
    assert.equal(seen(play.open().hears('hi', HI)).online, '4 others online');
  });
});

describe('who waits', () => {
  test('reads what for, and who is there already', () => {
    const play = new Play().online().does('play').hears('room', room());
    assert.equal(seen(play).detail, 'If nobody comes, a robot steps in.');
    play.hears('room', room('Ann', 'Bo'));
    assert.equal(seen(play).detail, 'Here already: Ann, Bo. Waiting for more…');
    assert.equal(seen(play, zh).detail, '已入座：Ann、Bo。还在等人…');
    play.game.closed();
    assert.match(seen(play).detail, /as soon as the connection is back/);
  });
});
