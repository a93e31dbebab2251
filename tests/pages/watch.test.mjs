// What there is to look at in a round, and the ways out of it: the other's moves, the moment of the result, Leave and Back.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertQuiet, useChromium } from './chromium.mjs';
import { AT_ONCE, PEOPLE, ROBOTS, Table, at, hand, leave, onServer, open, press, rig, text } from './table.mjs';

useChromium();

/** Writes down every phase with what stands on the screen then. `skip`: taps as soon as a reveal begins. */
const watchPhases = (skip = false) => (page) => page.addInitScript((taps) => {
  window.seen = [];
  const look = () => {
    const app = document.querySelector('#app');
    const { phase } = app?.dataset ?? {};
    if (!phase) return;
    const headline = document.querySelector('#headline').textContent;
    const last = window.seen.at(-1);
    if (last?.phase === phase && last.headline === headline) return;
    const shown = [...app.querySelectorAll('.card')].map(({ dataset }) => dataset.hand);
    const gained = document.querySelector('#gained').textContent;
    // How long whatever has an end still moves, in ms.
    const ends = document.getAnimations().map(({ effect }) => effect.getComputedTiming().endTime).filter((end) => end < 2000);
    const petals = document.querySelectorAll('.petal').length;
    window.seen.push({ phase, headline, shown, gained, petals, lasts: Math.max(0, ...ends), moving: document.getAnimations().length, at: performance.now() });
    if (taps && phase === 'reveal') document.body.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }));
  };
  addEventListener('DOMContentLoaded', () => {
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
  });
}, skip);
const seen = (page, phase) => page.evaluate((wanted) => window.seen.filter((one) => one.phase === wanted), phase);

/** Plays a round alone, and shows a hand in it. */
async function round(page) {
  await press(page, '#primary');
  await at(page, 'playing');
  await press(page, hand('rock'));
  await at(page, 'result');
}

describe('the other', AT_ONCE, () => {
  test('spins once for each move, a full turn and a quick one, also several at once', onServer({ ...PEOPLE, 'game-time': '5s' }, async (server) => {
    const table = new Table(await open(server), await open(server));
    const { one, two } = table;
    await table.meet();
    await one.evaluate(() => {
      window.turns = [];
      document.querySelector('#others').addEventListener('transitionrun', ({ target }) => {
        if (!target.matches('.avatar')) return;
        for (const { effect } of target.getAnimations()) {
          const [from, to] = effect.getKeyframes().map(({ transform }) => parseFloat(/rotate\((.*?)\)/.exec(transform)?.[1]) * (/turn/.test(transform) ? 360 : 1));
          window.turns.push({ from, to, takes: effect.getComputedTiming().duration });
        }
      });
    });
    const turned = () => one.evaluate(() => window.turns);
    const spun = (turns) => one.waitForFunction((degrees) => window.turns.at(-1)?.to === degrees, 360 * turns);
    await press(two, hand('rock'));
    await spun(1);
    const [first] = await turned();
    assert.equal(first.from, 0);
    assert.ok(first.takes > 200 && first.takes <= 600, `${first.takes} ms`);
    await two.evaluate(() => { for (const button of document.querySelectorAll('.hand')) button.click(); });
    await spun(4);
    await Promise.all([at(one, 'result'), at(two, 'result')]);
    // The next round counts from the beginning, and nothing is turned back.
    await table.meet();
    await press(two, hand('paper'));
    await spun(1);
    assert.ok((await turned()).every(({ from, to }) => to > from), 'nothing turns back');
    table.assertQuiet();
  }));
});

describe('a result', AT_ONCE, () => {
  test('comes after one, two, three: both fists swing, and then it is told', onServer(ROBOTS, async (server) => {
    const someone = await open(server, { prepare: async (page) => { await rig(page, 'win', 3); await watchPhases()(page); } });
    const { page } = someone;
    await round(page);
    const beats = await seen(page, 'reveal');
    assert.deepEqual(beats.map(({ headline }) => headline), ['One…', 'Two…', 'Three!']);
    for (const { shown, gained, moving } of beats) {
      assert.deepEqual(shown, ['rock', 'rock']);
      assert.equal(gained, '', 'nothing is told yet');
      assert.ok(moving >= 2, 'both hands swing');
    }
    const [opened] = await seen(page, 'result');
    assert.equal(opened.gained, '+3');
    await page.waitForFunction(() => window.seen.at(-1).phase === 'result' && document.querySelectorAll('.petal').length > 0 || window.seen.at(-1).petals > 0);
    // By the clock of what moves, which no busy machine makes longer: three beats, and the last petal.
    const lasts = await page.evaluate(() => Math.max(...document.getAnimations().map(({ effect }) => effect.getComputedTiming().endTime).filter((end) => end < 3000)));
    assert.ok(3 * 220 + lasts <= 1500, `${lasts} ms after three beats`);
    await page.waitForFunction(() => document.querySelectorAll('.petal').length === 0);
    assertQuiet(someone);
  }));

  test('is there at a tap, and that tap does nothing else', onServer(ROBOTS, async (server) => {
    const someone = await open(server, { prepare: watchPhases(true) });
    const { page } = someone;
    await round(page);
    assert.deepEqual((await seen(page, 'reveal')).map(({ headline }) => headline), ['One…']);
    await page.locator('#primary[aria-disabled="false"]').waitFor();
    assert.equal(await page.locator('#app').getAttribute('data-phase'), 'result');
    assertQuiet(someone);
  }));

  test('is simply there for who wants less motion', onServer(ROBOTS, async (server) => {
    const someone = await open(server, { reducedMotion: 'reduce', prepare: async (page) => { await rig(page, 'win', 5); await watchPhases()(page); } });
    const { page } = someone;
    await round(page);
    assert.deepEqual(await seen(page, 'reveal'), []);
    for (const { moving, petals } of await seen(page, 'result')) assert.deepEqual([moving, petals], [0, 0]);
    assertQuiet(someone);
  }));
});

describe('the way out of a round', AT_ONCE, () => {
  const said = (sent, event) => sent.some((message) => message.includes(`"event":"${event}"`));

  test('asks once, says what it costs, and is nowhere near the faces', onServer({ ...ROBOTS, 'game-time': '10s' }, async (server) => {
    const someone = await open(server);
    const { page, sent } = someone;
    await press(page, '#primary');
    await at(page, 'playing');
    const [way, faces] = [await page.locator('#leave').boundingBox(), await page.locator('#faces').boundingBox()];
    assert.ok(Math.abs(faces.y - way.y) > 100);
    await press(page, '#leave[aria-disabled="false"]');
    assert.match(await text(page, '#ask-detail'), /counts as a loss/);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'ask-no', 'an Enter in haste stays');
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('#ask').isVisible(), false);
    assert.equal(await page.locator('#app').getAttribute('data-phase'), 'playing');
    assert.ok(!said(sent, 'leave'));
    await leave(page);
    await at(page, 'ready');
    assert.ok(said(sent, 'leave'));
    assertQuiet(someone);
  }));

  test('is asked for by Back as well, and Back is itself again when the round is over', onServer({ ...ROBOTS, 'game-time': '10s' }, async (server) => {
    const someone = await open(server);
    const { page, sent } = someone;
    await press(page, '#primary');
    await at(page, 'playing');
    await press(page, hand('rock'));
    await page.evaluate(() => history.back());
    await page.locator('#ask-yes').waitFor();
    await press(page, '#ask-no');
    assert.equal(await page.locator('#app').getAttribute('data-phase'), 'playing');
    assert.ok(!said(sent, 'leave'));
    await page.evaluate(() => history.back());
    await press(page, '#ask-yes');
    await at(page, 'ready');
    await page.waitForFunction(() => history.state?.round !== true);
    await page.goBack();
    assert.equal(page.url(), 'about:blank');
    assertQuiet(someone);
  }));

  test('closes its question when the round is over first', onServer(ROBOTS, async (server) => {
    const someone = await open(server);
    const { page } = someone;
    await press(page, '#primary');
    await at(page, 'playing');
    await press(page, '#leave[aria-disabled="false"]');
    await at(page, 'result');
    assert.equal(await page.locator('#ask').isVisible(), false);
    await page.waitForFunction(() => history.state?.round !== true);
    assertQuiet(someone);
  }));
});
