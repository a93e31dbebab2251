// The page on every screen: all of it in view, the hands at the table and facing each other, and nothing that jumps.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { client } from '../clients/clients/index.mjs';
import { Player } from '../clients/player.mjs';
import { DESK, PHONE, assertQuiet, useChromium } from './chromium.mjs';
import { AT_ONCE, PEOPLE, ROBOTS, Table, at, hand, onServer, open, press, still } from './table.mjs';

useChromium();

const box = (page, selector) => page.locator(selector).boundingBox();

/** Collects what has moved by itself, as browsers count it: not within half a second of a tap. */
const watchShifts = (page) => page.addInitScript(() => {
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries()) {
      if (!hadRecentInput) window.shifts.push({ value, moved: sources.map(({ node }) => node?.id || node?.className) });
    }
  }).observe({ type: 'layout-shift', buffered: true });
});

/** The hands point to each other, with nothing of their players between. */
async function assertFacing(page, { width, height }) {
  const [mine, theirs, me, other] = await Promise.all(['#me .shown', '#others .shown', '#me .portrait', '#others .portrait'].map((one) => box(page, one)));
  const turned = (selector) => page.locator(selector).evaluate((node) => {
    const { a, b } = new DOMMatrix(getComputedStyle(node).transform);
    return Math.round((Math.atan2(b, a) * 180) / Math.PI);
  });
  const [middle, theirMiddle] = [mine, theirs].map((shown) => ({ x: shown.x + shown.width / 2, y: shown.y + shown.height / 2 }));
  const angles = [await turned('#me .shown'), Math.abs(await turned('#others .shown'))];
  if (width < height) {
    assert.deepEqual(angles, [0, 180]);
    assert.ok(Math.abs(middle.x - theirMiddle.x) < 20, 'one above the other');
    assert.ok(theirs.y + theirs.height <= mine.y);
  } else {
    assert.deepEqual(angles, [90, 90]);
    assert.ok(Math.abs(middle.y - theirMiddle.y) < 20, 'side by side');
    assert.ok(me.x <= mine.x + mine.width / 2 && theirs.x <= other.x + other.width / 2 && mine.x + mine.width <= theirs.x);
  }
}

/** No text takes more lines than it has words. */
async function assertWordsWhole(page, where) {
  await still(page);
  const broken = await page.evaluate(() => {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const words = node.textContent.trim().split(/\s+/).length;
      if (!node.textContent.trim() || node.parentElement.closest('.unseen, noscript') || !node.parentElement.checkVisibility()) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const lines = new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size;
      if (lines > words) found.push(`${node.textContent}: ${lines} lines`);
    }
    return found;
  });
  assert.deepEqual(broken, [], where);
}

describe('on every screen', AT_ONCE, () => {
  const SIZES = [[320, 568], [360, 640], [430, 760], [412, 785], [740, 360], [820, 1180], [1024, 520], [1366, 657]]
    .map(([width, height]) => ({ width, height })).concat(PHONE, DESK);
  for (const viewport of SIZES) {
    test(`${viewport.width} × ${viewport.height}: everything one needs is in view`, onServer({ ...ROBOTS, 'robot-wait': '2s', 'game-time': '30s' }, async (server) => {
      const someone = await open(server, { viewport, prepare: watchShifts });
      const { page } = someone;
      const inView = async (...selectors) => {
        await still(page);
        for (const selector of selectors) {
          const { x, y, width, height } = await page.locator(selector).boundingBox();
          assert.ok(x >= 0 && y >= 0 && x + width <= viewport.width && y + height <= viewport.height, `${selector} at ${x}, ${y}, ${width} × ${height}`);
        }
        const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.equal(sideways, 0, 'nothing scrolls sideways');
      };
      await inView('#primary', '#headline', '#me .avatar');
      await press(page, '#primary');
      await at(page, 'waiting');
      await inView('#primary', '#headline');
      await at(page, 'playing');
      await inView(...['scissors', 'rock', 'paper'].map(hand), '#leave', '#seconds', '#others .avatar', '#others .shown', '#me .shown');
      const [me, hands] = [await box(page, '#me .card'), await box(page, '#hands')];
      assert.ok(hands.y - me.y - me.height < 150, 'the hands lie at the table');
      await press(page, hand('rock'));
      // Locked: the round is over when it has been looked at, and not before.
      await press(page, hand('rock'));
      await at(page, 'result');
      await inView('#primary', '#headline', '#others .shown', '#me .shown');
      if (await page.locator('#others .card').getAttribute('data-hand') !== 'none') await assertFacing(page, viewport);
      const shifts = await page.evaluate(() => window.shifts);
      assert.ok(shifts.reduce((sum, { value }) => sum + value, 0) < 0.1, `start and result shift the page: ${JSON.stringify(shifts)}`);
      assertQuiet(someone);
    }));
  }

  // WCAG 1.4.10: a desk at 400 %, a phone at 200 %. One may scroll down, but not sideways.
  for (const viewport of [{ width: 320, height: 256 }, { width: 195, height: 422 }]) {
    test(`${viewport.width} × ${viewport.height}: everything can be reached by scrolling down`, onServer({ ...ROBOTS, 'game-time': '30s' }, async (server) => {
      const someone = await open(server, { viewport });
      const { page } = someone;
      const reachable = async () => {
        await still(page);
        for (const control of await page.locator('#app button:visible, .card:visible, #headline').all()) {
          await control.scrollIntoViewIfNeeded();
          const { x, width } = await control.boundingBox();
          assert.ok(x >= 0 && x + width <= viewport.width, `${await control.innerText()}: ${x}, ${width} wide`);
        }
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), viewport.width);
      };
      await reachable();
      await press(page, '#primary');
      await at(page, 'playing');
      await reachable();
      await press(page, hand('rock'));
      await press(page, hand('rock'));
      await at(page, 'result');
      await reachable();
      assertQuiet(someone);
    }));
  }

  test('the longest name there can be pushes nothing away', onServer(PEOPLE, async (server) => {
    const viewport = { width: 320, height: 568 };
    const someone = await open(server, { viewport });
    const { page } = someone;
    const other = new Player(client('native'), { uname: 'W'.repeat(64) });
    await other.connect(server);
    await other.hello();
    await press(page, '#primary');
    await at(page, 'waiting');
    await other.join();
    await at(page, 'playing');
    await still(page);
    const { y, height } = await page.locator(hand('paper')).boundingBox();
    assert.ok(y + height <= viewport.height, `the hands end at ${y + height}`);
    other.client.close();
    assertQuiet(someone);
  }));

  // At 200 % text of which a letter stands on a line is none: by zoom, and where only the text grows.
  for (const [viewport, textSize] of [[{ width: 195, height: 422 }, ''], [PHONE, '32px'], [{ width: 844, height: 390 }, '32px']]) {
    test(`${viewport.width} × ${viewport.height} ${textSize}: no word is broken`, onServer({ ...ROBOTS, 'game-time': '4s' }, async (server) => {
      const enlarge = (page) => page.addInitScript((size) => {
        addEventListener('DOMContentLoaded', () => { document.documentElement.style.fontSize = size; });
      }, textSize);
      const someone = await open(server, { viewport, prepare: enlarge });
      const { page } = someone;
      await assertWordsWhole(page, 'ready');
      await press(page, '#primary');
      await at(page, 'waiting');
      await assertWordsWhole(page, 'waiting');
      await at(page, 'playing');
      await page.locator('#others .card[data-hop]:not([data-hop=""])').waitFor();
      await assertWordsWhole(page, 'playing');
      await press(page, '#leave');
      await assertWordsWhole(page, 'asked');
      await at(page, 'result');
      await assertWordsWhole(page, 'result');
      assertQuiet(someone);
    }));
  }

  test('who wants less motion gets none, and sees moves and time all the same', onServer({ ...PEOPLE, 'game-time': '5s' }, async (server) => {
    const table = new Table(await open(server, { reducedMotion: 'reduce' }), await open(server));
    const { one, two } = table;
    await table.meet();
    const ring = () => one.locator('#others .portrait').evaluate((node) => {
      const { outlineStyle, outlineColor } = getComputedStyle(node);
      return outlineStyle === 'none' ? '' : `${outlineStyle} ${outlineColor}`;
    });
    const seen = [await ring()];
    for (const [move, name] of ['rock', 'paper', 'rock'].entries()) {
      await press(two, hand(name));
      await one.locator(`#others .card[data-hop="${move % 2 ? 'even' : 'odd'}"]`).waitFor();
      seen.push(await ring());
      assert.notEqual(seen.at(-1), seen.at(-2), 'each move is another sign');
    }
    assert.ok(!seen.slice(1).includes(''));
    const moving = await one.evaluate(() => document.getAnimations()
      .filter(({ effect }) => effect.target.offsetParent !== null).map(({ effect }) => effect.target.className || effect.target.id));
    assert.deepEqual(moving, []);
    const stick = async () => (await box(one, '#stick')).width;
    const before = await stick();
    assert.ok(before > 0, 'the stick is not away');
    await one.waitForFunction((width) => document.querySelector('#stick').getBoundingClientRect().width < width, before);
    table.assertQuiet();
  }));
});
