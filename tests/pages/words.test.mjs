// What a player reads and is called, in both languages.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';

const require = createRequire(import.meta.url);
const { wordsFor, zh, en } = require('../../miniprogram/game/words.js');
const notices = require('../../miniprogram/notices.js');
const { isBlank, plain } = require('../../miniprogram/game/names.js');
const { AVATARS, NAME_CHARS, avatarOf, coarse, pictureAddress, profile, tidyName } = require('../../miniprogram/game/person.js');

/** Every word by its path, and what kind it is. */
function shape(words, path = '') {
  return Object.entries(words).flatMap(([key, word]) => (
    typeof word === 'object' ? shape(word, `${path}${key}.`) : [`${path}${key}: ${typeof word}`])).sort();
}

describe('words', () => {
  test('both languages say the same things', () => {
    assert.deepEqual(shape(en), shape(zh));
    assert.deepEqual(shape(notices.en), shape(notices.zh));
    for (const { language } of [en, zh]) assert.equal(notices.noticesIn(language), notices[language.slice(0, 2)]);
  });

  test('the first language that is spoken here is taken, in either spelling', () => {
    assert.equal(wordsFor(['fr-FR', 'zh-TW', 'en']), zh);
    assert.equal(wordsFor(['zh_CN']), zh);
    assert.equal(wordsFor(['en-GB', 'zh']), en);
    assert.equal(wordsFor(['fr']), en);
    assert.equal(wordsFor([undefined]), en);
  });

  test('numbers fit their words', () => {
    assert.deepEqual([0, 1, 2].map(en.online), ['Nobody else online', '1 other online', '2 others online']);
    assert.deepEqual([1, 2].map(en.seconds), ['You have 1 second', 'You have 2 seconds']);
    // One win beside a score reads as if it were all there are.
    assert.deepEqual([0, 1, 2].map(en.streakIs), ['', '', '2 in a row']);
    assert.deepEqual([0, 1, 2].map(zh.streakIs), ['', '', '2 连胜']);
    assert.deepEqual([en.record(0, 1), en.record(3, 7)], ['0 of 1 round won', '3 of 7 rounds won']);
    assert.deepEqual([1, 2, 3].map(en.moved), ['has chosen', 'changed once', 'changed 2 times']);
  });

  test('the English is what a player would say', () => {
    assert.deepEqual(
      [en.chosen('rock'), en.timeUp, en.waiting, en.otherLeft, en.noHandLoses, en.chooseDetail, en.privacy.title, en.avatar],
      ['You picked rock', 'Reveal!', 'Finding an opponent…', 'Your opponent left: you win.', 'No pick loses.',
        'You can switch until time runs out.', 'Your privacy', 'Avatar']);
    assert.match(en.tagline, /Who will be the master\?/);
  });

  test('the Chinese is what a player would say', () => {
    assert.doesNotMatch(zh.oneWin, /首胜/, 'which would be the first of all');
    assert.equal(zh.comeBack, '在这里继续');
  });

  test('what a WeChat dialog says on its buttons is as short as it wants it', () => {
    // Four Chinese characters, or twice as many letters.
    for (const text of [zh.leave, zh.stay]) assert.ok(text.length <= 4, text);
    for (const text of [en.leave, en.stay]) assert.ok(text.length <= 8, text);
  });

  test('a robot has a name in both languages, also one that is not known here', () => {
    assert.deepEqual(['木人·甲', '铜人·丁', '石人·甲'].map(zh.robotName), ['木人·甲', '铜人·丁', '石人·甲']);
    assert.deepEqual(['木人·甲', '铜人·丁', '石人·甲'].map(en.robotName), ['Wooden Man 1', 'Bronze Man 4', '石人·甲']);
  });

  test('the names a guest gets are names one could type', () => {
    for (const name of [...zh.guests, ...en.guests]) assert.equal(tidyName(name), name);
  });

  test('every avatar has a name for those who do not see it', () => {
    for (const words of [zh, en]) for (const avatar of [...AVATARS, 'robot']) assert.ok(words.avatars[avatar]);
  });
});

describe('a name', () => {
  const cases = JSON.parse(readFileSync(new URL('../data/names.json', import.meta.url), 'utf8'));

  test('is shown without what steers or hides, and with the joiners that belong', () => {
    for (const { typed, shown } of cases) {
      assert.equal(plain(typed), shown, JSON.stringify(typed));
      assert.equal(plain(shown), shown, JSON.stringify(typed));
    }
  });

  test('is blank when nothing of it can be seen', () => {
    for (const { typed, blank = false } of cases) assert.equal(isBlank(typed), blank, JSON.stringify(typed));
  });

  test('has a replacement for half a character', () => {
    assert.equal(plain('a\ud83d b\udc00'), 'a\ufffd b\ufffd');
  });
});

describe('a person', () => {
  const random = () => 0.5;

  test('is made up on the first visit, and the same on the next', () => {
    const first = profile(null, en, random);
    assert.match(first.uid, /^[a-z0-9]{22}$/);
    assert.ok(en.guests.includes(first.name));
    assert.deepEqual(profile(JSON.parse(JSON.stringify({ ...first, token: 't', sound: false })), en, random), { ...first, token: 't', sound: false });
  });

  test('survives whatever has become of what was kept', () => {
    for (const kept of [undefined, 7, 'x', [], { uid: '' }, { uid: 'u'.repeat(65), token: 't' }, { avatar: 'dragon' }, { name: '\u2028' }]) {
      const one = profile(kept, en, random);
      assert.ok(one.uid && one.name && AVATARS.includes(one.avatar), JSON.stringify(kept));
      assert.equal(one.token, null);
    }
  });

  test('has a tidy name', () => {
    assert.equal(tidyName('  a \t b\u200b\u2028c  '), 'a b c');
    assert.equal(Array.from(tidyName('🀄'.repeat(20))).length, NAME_CHARS);
    assert.equal(tidyName('\u202e'), '');
    assert.equal(tidyName('\u2800\u3164'), '', 'the server would refuse it');
    const family = '👨\u200d👩\u200d👧\u200d👦';
    assert.equal(tidyName(family), family);
    assert.equal(tidyName(family + family), `${family}👨\u200d👩\u200d👧`, 'nothing is joined to what was cut off');
    assert.equal(tidyName(null), '');
  });

  test('is shown by one of our own pictures, whatever address it gives', () => {
    assert.equal(avatarOf({ uid: 'a', picture: pictureAddress('https://a.example', 'fox') }), 'fox');
    assert.equal(avatarOf({ uid: 'a', picture: 'https://a.example/avatars/dragon.svg', robot: false }), avatarOf({ uid: 'a', picture: '' }));
    assert.equal(avatarOf({ uid: 'a', picture: '', robot: true }), 'robot');
    const several = new Set(['a', 'b', 'c', 'd', 'e', 'f'].map((uid) => avatarOf({ uid, picture: '' })));
    assert.ok(several.size > 1);
  });

  test('tells its place to about a kilometre', () => {
    assert.deepEqual(coarse({ latitude: 31.230416, longitude: -121.473701 }), { lat: 31.23, lng: -121.47 });
  });
});
