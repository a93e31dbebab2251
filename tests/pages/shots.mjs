// Takes a picture of every state of both clients, on a phone and on a desk, by day and by night:
//
//   WULIN_BIN=target/debug/wulin node tests/pages/shots.mjs [FOLDER]
//
// They are there to be looked at. Those in the README are taken from here.

import { mkdir } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { CONNECTION_ERRORS, DESK, PHONE, useChromium } from './chromium.mjs';
import { startServer } from '../clients/server.mjs';
import { startRelay } from '../clients/relay.mjs';
import { PRIMARY, at as inWeChat, open as openMiniProgram } from './wechat.mjs';
import { afterwards, at, guest, hand, leave, onServer, open, press, rig, still } from './table.mjs';

const FOLDER = process.argv[2] ?? 'target/shots';
const FLAGS = { 'robot-wait': '1500ms', 'game-time': '4s', 'drain-timeout': '0s' };
const TABLET = { width: 820, height: 1180 };
const SIDEWAYS = { width: 844, height: 390 };
const SMALL = { width: 320, height: 568 };
const ENDS = [['win', 1], ['win', 5], ['lose', 2], ['draw', 1]];

await mkdir(FOLDER, { recursive: true });
useChromium();

/** Names its pictures after the client, the screen and the light. */
function camera(page, ...names) {
  let number = 0;
  return async (state) => {
    await still(page);
    number += 1;
    await page.screenshot({ path: `${FOLDER}/${[...names, String(number).padStart(2, '0'), state].join('-')}.png` });
  };
}

for (const colorScheme of ['light', 'dark']) {
  const locale = colorScheme === 'light' ? 'zh-CN' : 'en-US';
  const look = { colorScheme, locale, deviceScaleFactor: 2, expected: CONNECTION_ERRORS };

  for (const [screen, viewport] of [['phone', PHONE], ['desk', DESK]]) {
    describe(`the page, ${screen}, ${colorScheme}`, () => {
      const names = ['page', screen, colorScheme];

      test('from the first visit to the next', onServer(FLAGS, async (server) => {
        const { page, context } = await guest({ ...look, viewport });
        const shoot = camera(page, ...names);
        let reachable = false;
        await page.routeWebSocket(/applet/, (socket) => (reachable ? socket.connectToServer() : socket.close()));
        await page.route(/socket\.io/, (route) => route.abort());
        await page.goto(server.url);
        await page.locator('#link').filter({ hasText: /No answer|没有回应/ }).waitFor();
        await shoot('unreachable');
        reachable = true;
        await at(page, 'ready');
        await shoot('ready');
        await press(page, '#open-settings');
        await shoot('settings');
        await press(page, '#near');
        await page.locator('#near-problem').waitFor();
        await shoot('settings-denied');
        await page.locator('#name').fill('木人·甲');
        await press(page, '#close-settings');
        await page.locator('#note').waitFor();
        await shoot('note');
        await press(page, '#primary');
        await at(page, 'waiting');
        await shoot('waiting');
        await at(page, 'playing');
        await shoot('playing');
        await press(page, hand('rock'));
        await press(page, '.face >> nth=0');
        await page.locator('#others .card[data-hop="even"]').waitFor();
        await shoot('chosen');
        await press(page, '#leave');
        await shoot('asked');
        await press(page, '#ask-no');
        await at(page, 'result');
        const other = await context.newPage();
        await other.goto(server.url);
        await page.locator('#link').waitFor();
        await press(page, '#secondary');
        await at(page, 'replaced');
        await shoot('replaced');
        await press(page, '#primary');
        await at(page, 'ready');
        await press(page, '#primary');
        await at(page, 'playing');
        await server.stop();
        await page.locator('#link').waitFor();
        await shoot('reconnecting');
        await leave(page);
        await at(page, 'ready');
        await shoot('reconnecting-ready');
      }));

      for (const [end, streak] of ENDS) {
        test(`${end} ${streak}`, onServer(FLAGS, async (server) => {
          const { page } = await open(server, { ...look, viewport, prepare: (page) => rig(page, end, streak) });
          await press(page, '#primary');
          await at(page, 'result');
          await page.locator('#primary[aria-disabled="false"]').waitFor();
          await camera(page, ...names, end)(String(streak));
        }));
      }

      test('with somebody who leaves', onServer({ ...FLAGS, 'robot-wait': '30s', seats: 3 }, async (server) => {
        const [{ page }, { page: second }, { page: third }] = [
          await open(server, { ...look, viewport }), await open(server, look), await open(server, look)];
        const shoot = camera(page, ...names, 'people');
        await press(second, '#primary');
        await at(second, 'waiting');
        await press(page, '#primary');
        await page.locator('#others .card').waitFor();
        await shoot('seated');
        await press(third, '#primary');
        await Promise.all([at(page, 'playing'), at(second, 'playing')]);
        await leave(second);
        await page.locator('#others .card[data-away="true"]').waitFor();
        await shoot('left');
      }));

      test('four at a table', onServer({ ...FLAGS, seats: 4 }, async (server) => {
        const { page } = await open(server, { ...look, viewport });
        await press(page, '#primary');
        await at(page, 'playing');
        await press(page, hand('paper'));
        await camera(page, ...names, 'four')('playing');
        await at(page, 'result');
        await page.locator('#primary[aria-disabled="false"]').waitFor();
        await camera(page, ...names, 'four')('result');
      }));
    });
  }

  for (const [screen, viewport] of [['phone', PHONE], ['small', SMALL], ['sideways', SIDEWAYS], ['tablet', TABLET], ['desk', DESK]]) {
    test(`the page, ${screen}, ${colorScheme}: two who meet again`, onServer({ ...FLAGS, 'robot-wait': '30s', 'rematch-wait': '30s', 'game-time': '10s' }, async (server) => {
      const relay = await startRelay(server.url);
      afterwards(() => relay.close());
      const [{ page }, { page: other }] = [await open(server, { ...look, viewport }), await open({ url: relay.url }, look)];
      const shoot = camera(page, 'friends', screen, colorScheme);
      const both = (phase) => Promise.all([at(page, phase), at(other, phase)]);
      await Promise.all([press(page, '#primary'), press(other, '#primary')]);
      await both('playing');
      await press(other, hand('scissors'));
      await press(other, hand('scissors'));
      await press(page, hand('rock'));
      await press(page, hand('rock'));
      await both('result');
      await page.locator('#primary[aria-disabled="false"]').waitFor();
      await other.locator('#primary[aria-disabled="false"]').waitFor();
      await press(other, '.face >> nth=2');
      await page.locator('#others .pulled').waitFor();
      await shoot('result');
      await press(other, '#primary');
      await page.locator('#others .card[data-invites="true"]').waitFor();
      await shoot('invited');
      await page.reload();
      await page.locator('#note').waitFor();
      await shoot('invited-ready');
      await press(page, '#primary');
      await both('playing');
      await press(page, hand('rock'));
      await press(page, hand('rock'));
      await press(other, hand('scissors'));
      relay.cut();
      await page.locator('#others .card[data-away="true"]').waitFor();
      await shoot('locked-cut-off');
      await other.locator('#link').waitFor();
      await camera(other, 'friends', 'phone-cut', screen, colorScheme)('playing');
      await at(page, 'result');
      relay.mend();
      await at(other, 'result');
      await other.locator('#primary[aria-disabled="false"]').waitFor();
      await camera(other, 'friends', 'phone-missed', screen, colorScheme)('result');
      await press(page, '#primary[aria-disabled="false"]');
      await page.locator('#third').waitFor();
      await shoot('rematch');
      await press(page, '#primary[aria-disabled="false"]');
      await press(page, '#primary[aria-disabled="false"]');
      await press(other, '#primary');
      await both('playing');
      await server.stop();
      const next = await startServer({ ...FLAGS, port: new URL(server.url).port });
      afterwards(() => next.stop());
      await page.locator('#note').waitFor();
      await shoot('lost');
    }));
  }

  describe(`the Mini Program, ${colorScheme}`, () => {
    const names = ['miniprogram', colorScheme];

    test('two who meet again', onServer({ ...FLAGS, 'robot-wait': '30s', 'rematch-wait': '30s', 'game-time': '10s' }, async (server) => {
      const [{ page }, { page: other }] = [await openMiniProgram(server, look), await open(server, look)];
      const shoot = camera(page, 'friends', 'miniprogram', colorScheme);
      await press(page, PRIMARY);
      await press(other, '#primary');
      await inWeChat(page, 'playing');
      await press(page, '.hand >> nth=1');
      await press(page, '.hand >> nth=1');
      await page.locator('.hand.locked').waitFor();
      await shoot('locked');
      await press(other, hand('scissors'));
      await press(other, hand('scissors'));
      await inWeChat(page, 'result');
      await shoot('result');
      await press(other, '#primary[aria-disabled="false"]');
      await page.locator('.invites').waitFor();
      await shoot('invited');
      await press(other, '#primary[aria-disabled="false"]');
      await page.locator(PRIMARY).click();
      await page.locator('.quiet').last().waitFor();
      await shoot('rematch');
    }));

    test('from the first visit to the next', onServer(FLAGS, async (server) => {
      const { page, context } = await openMiniProgram(server, { ...look, devtools: { privacyNeeded: true } });
      const shoot = camera(page, ...names);
      await shoot('ready');
      await page.locator('.round >> nth=1').click();
      await page.locator('.form').waitFor();
      await shoot('settings');
      await page.locator('.choose').click();
      await page.getByRole('dialog').waitFor();
      await shoot('privacy');
      await page.locator('.agree').click();
      await page.getByRole('banner').getByRole('button').click();
      await page.locator(PRIMARY).click();
      await inWeChat(page, 'waiting');
      await shoot('waiting');
      await inWeChat(page, 'playing');
      await shoot('playing');
      await page.locator('.hand >> nth=1').click();
      await page.locator('.face >> nth=0').click();
      await page.locator('.others .hop-even').waitFor();
      await shoot('chosen');
      await inWeChat(page, 'result');
      const other = await context.newPage();
      await other.goto(page.url());
      await page.locator('.link').waitFor();
      await page.locator('.quiet[aria-disabled="false"]').click();
      await inWeChat(page, 'replaced');
      await shoot('replaced');
      await page.locator(PRIMARY).click();
      await inWeChat(page, 'ready');
      await page.locator(PRIMARY).click();
      await inWeChat(page, 'playing');
      await server.stop();
      await page.locator('.link').waitFor();
      await shoot('reconnecting');
      await page.locator('.leave[aria-disabled="false"]').click();
      await page.getByRole('dialog').getByRole('button').last().click();
      await inWeChat(page, 'ready');
      await shoot('reconnecting-ready');
    }));

    for (const [end, streak] of ENDS) {
      test(`${end} ${streak}`, onServer(FLAGS, async (server) => {
        const { page } = await openMiniProgram(server, { ...look, prepare: (page) => rig(page, end, streak) });
        await page.locator(PRIMARY).click();
        await inWeChat(page, 'result');
        await page.locator(PRIMARY).waitFor();
        await camera(page, ...names, end)(String(streak));
      }));
    }

    test('four at a table', onServer({ ...FLAGS, seats: 4 }, async (server) => {
      const { page } = await openMiniProgram(server, look);
      await page.locator(PRIMARY).click();
      await inWeChat(page, 'playing');
      await camera(page, ...names, 'four')('playing');
      await inWeChat(page, 'result');
      await page.locator(PRIMARY).waitFor();
      await camera(page, ...names, 'four')('result');
    }));
  });
}
