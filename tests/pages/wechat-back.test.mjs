// WeChat stops what is hidden after five seconds, and ends it when it likes: the round is there again, or how it ended. The Mini
// Program against the page, on the real server.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startServer } from '../clients/server.mjs';
import { assertQuiet, useChromium } from './chromium.mjs';
import { AT_ONCE, afterwards, at as pageAt, hand as pageHand, onServer, open as openPage, outcome, press, text } from './table.mjs';
import { PRIMARY, at, open } from './wechat.mjs';

useChromium();

const LONG = { 'robot-wait': '30s', 'game-time': '30s' };
const SHORT = { 'robot-wait': '30s', 'game-time': '3s' };

/** A phone that shows rock and a browser that shows scissors, in a round. */
async function inARound(server) {
  const [wechat, browser] = [await open(server), await openPage(server)];
  const [phone, page] = [wechat.page, browser.page];
  await press(phone, PRIMARY);
  await press(page, '#primary');
  await Promise.all([at(phone, 'playing'), pageAt(page, 'playing')]);
  await press(phone, '.hands .hand[aria-label="rock"]');
  await press(page, pageHand('scissors'));
  await page.locator('#others .card[data-hop="odd"]').waitFor();
  const assertContent = async () => {
    [wechat, browser].forEach(assertQuiet);
    assert.deepEqual(await phone.evaluate(() => window.devtools.problems), []);
  };
  return { phone, page, browser, assertContent };
}

const hide = (phone) => phone.evaluate(() => window.devtools.hide({ cut: true }));
const show = (phone) => phone.evaluate(() => window.devtools.show());
const cutOff = (page) => page.locator('#others .status').filter({ hasText: 'is cut off, seat kept' }).waitFor();

describe('in WeChat', AT_ONCE, () => {
  for (const ended of [false, true]) {
    test(`${ended ? 'ended and opened again' : 'hidden for long'} in a round: it goes on, with the hand`, onServer(LONG, async (server) => {
      const { phone, page, assertContent } = await inARound(server);
      if (ended) await phone.reload();
      else {
        await hide(phone);
        await cutOff(page);
        await show(phone);
      }
      await at(phone, 'playing');
      await phone.locator('.hand.chosen[aria-label="rock"]').waitFor();
      await page.locator('#others .status').filter({ hasText: 'has chosen' }).or(page.locator('#others .status').filter({ hasText: 'is thinking' })).waitFor();
      await press(phone, '.hands .hand[aria-label="rock"]');
      await phone.locator('.hand.locked').waitFor();
      await press(page, pageHand('scissors'));
      await Promise.all([at(phone, 'result'), pageAt(page, 'result')]);
      assert.equal(await text(phone, '.headline'), 'You win!');
      assert.equal(await outcome(page), 'lose');
      await assertContent();
    }));

    test(`${ended ? 'ended and opened again' : 'hidden'} past the end of a round: how it ended, once`, onServer(SHORT, async (server) => {
      const { phone, page, assertContent } = await inARound(server);
      const url = phone.url();
      await hide(phone);
      if (ended) await phone.goto('about:blank');
      await pageAt(page, 'result');
      assert.equal(await outcome(page), 'lose', 'the hand counts');
      if (ended) await phone.goto(url);
      else await show(phone);
      await at(phone, 'result');
      assert.equal(await text(phone, '.headline'), 'You win!');
      assert.match(await text(phone, '.detail'), /^While you were away: Rock breaks scissors\./);
      assert.equal(await text(phone, '.others .name'), await text(page, '#me .name'));
      assert.equal(await text(phone, '.tally'), '1 : 0');
      await phone.reload();
      await at(phone, 'ready');
      await assertContent();
    }));
  }

  test('a round that the server has lost is said to be lost, also when it is opened again', onServer({ ...LONG, 'drain-timeout': '0s' }, async (server) => {
    const { phone, browser } = await inARound(server);
    const { port } = new URL(server.url);
    await server.stop();
    const next = await startServer({ ...SHORT, port });
    afterwards(() => next.stop());
    await phone.reload();
    await phone.locator('.note').filter({ hasText: 'the server no longer knows of it' }).waitFor();
    await browser.context.close();
  }));

  test('alone: a robot at once, and the place in the queue is kept', onServer({ ...LONG, 'robot-wait': '60s' }, async (server) => {
    const someone = await open(server);
    const { page } = someone;
    await press(page, PRIMARY);
    await at(page, 'waiting');
    await hide(page);
    await show(page);
    await page.locator('.link').waitFor({ state: 'detached' });
    await at(page, 'waiting');
    await press(page, '.quiet[aria-disabled="false"]');
    await at(page, 'playing');
    assert.equal(await text(page, '.others .robot'), 'Robot');
    assertQuiet(someone);
  }));
});
