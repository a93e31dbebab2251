// A name between the field, WeChat's check and the game, in every order.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { LAST_CALL, Nickname, REVIEW_TIMEOUT } from '../../miniprogram/nickname.js';

const PASS = { pass: true, timeout: false };
const FAIL = { pass: false, timeout: false };

/** Somebody called Old, and what is said to the game and to the player. */
function somebody() {
  const said = [];
  let name = 'Old';
  const nickname = new Nickname({
    current: () => name,
    take(taken) {
      name = taken;
      said.push(`is ${taken}`);
    },
    refused: (refused) => said.push(`not ${refused}`),
  });
  return { nickname, taken: () => said.splice(0) };
}

describe('a nickname', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
  afterEach(() => mock.timers.reset());

  test('is taken when it has been passed, and when the check itself has timed out', () => {
    for (const review of [PASS, { pass: false, timeout: true }]) {
      const { nickname, taken } = somebody();
      assert.equal(nickname.left(' New  '), 'New');
      assert.equal(nickname.open, true);
      assert.deepEqual(taken(), []);
      nickname.reviewed(review);
      assert.deepEqual(taken(), ['is New']);
      assert.equal(nickname.open, false);
      nickname.reviewed(PASS);
      mock.timers.tick(REVIEW_TIMEOUT);
      assert.deepEqual(taken(), [], 'once');
    }
  });

  test('is taken when nobody answers, and given back when the refusal comes then', () => {
    const { nickname, taken } = somebody();
    nickname.left('New');
    mock.timers.tick(REVIEW_TIMEOUT - 1);
    assert.deepEqual(taken(), []);
    mock.timers.tick(1);
    assert.deepEqual(taken(), ['is New']);
    nickname.typed('Ne');
    nickname.reviewed(FAIL);
    assert.deepEqual(taken(), ['is Old', 'not New']);
    nickname.reviewed(FAIL);
    assert.deepEqual(taken(), ['not Ne'], 'which is what is in the field');
  });

  test('may be looked at before the field is left', () => {
    const { nickname, taken } = somebody();
    nickname.typed('New');
    nickname.reviewed(PASS);
    assert.deepEqual(taken(), [], 'who types is not done');
    assert.equal(nickname.left('New'), 'New');
    assert.deepEqual(taken(), ['is New']);
    nickname.typed('Bad');
    nickname.reviewed(FAIL);
    assert.equal(nickname.left('Bad'), 'New');
    mock.timers.tick(REVIEW_TIMEOUT);
    assert.deepEqual(taken(), ['not Bad']);
  });

  test('that was refused is not taken when it is typed again and nobody answers', () => {
    const { nickname, taken } = somebody();
    nickname.left('Bad');
    nickname.reviewed(FAIL);
    assert.equal(nickname.left('Bad'), 'Old');
    mock.timers.tick(REVIEW_TIMEOUT);
    assert.deepEqual(taken(), ['not Bad']);
  });

  test('gives way to a later one, to the old one, but not to nothing', () => {
    const { nickname, taken } = somebody();
    nickname.left('One');
    nickname.left('Two');
    nickname.reviewed(PASS);
    assert.deepEqual(taken(), []);
    nickname.reviewed(PASS);
    assert.deepEqual(taken(), ['is Two']);
    nickname.left('Three');
    assert.equal(nickname.left('Two'), 'Two');
    nickname.reviewed(PASS);
    nickname.reviewed(PASS);
    assert.deepEqual(taken(), []);
    nickname.left('Four');
    assert.equal(nickname.left('  '), 'Four', 'nothing was typed instead');
    nickname.reviewed(PASS);
    assert.deepEqual(taken(), ['is Four']);
  });

  test('that was only typed is asked for when the page is hidden or gone; then not for long', () => {
    const { nickname, taken } = somebody();
    nickname.hidden();
    nickname.typed('Hidden');
    nickname.hidden();
    mock.timers.tick(REVIEW_TIMEOUT);
    assert.deepEqual(taken(), ['is Hidden']);
    nickname.typed('Gone');
    nickname.gone();
    mock.timers.tick(LAST_CALL);
    assert.deepEqual(taken(), ['is Gone']);
    nickname.typed('Bad');
    nickname.gone();
    nickname.reviewed(FAIL);
    mock.timers.tick(REVIEW_TIMEOUT);
    assert.deepEqual(taken(), ['not Bad']);
  });
});
