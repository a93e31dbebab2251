// Every state of both clients held against axe-core, by day and by night.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import { CONNECTION_ERRORS, useChromium } from './chromium.mjs';
import { PRIMARY, at as inWeChat, open as openMiniProgram } from './wechat.mjs';
import { AT_ONCE, ROBOTS, at, hand, onServer, open, outcome, press, rig, still } from './table.mjs';

const { source } = createRequire(import.meta.url)('axe-core');

useChromium();

/** Nothing that axe knows of is wrong with what is on the screen now. */
async function assertAccessible(page, where) {
  // A colour in the middle of its way to another is nobody's.
  await still(page);
  await page.evaluate(source);
  const { violations } = await page.evaluate(() => window.axe.run());
  const found = violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`));
  assert.deepEqual(found, [], where);
}

for (const colorScheme of ['light', 'dark']) {
  describe(colorScheme, AT_ONCE, () => {
    test('the page', onServer(ROBOTS, async (server) => {
      const { page, context } = await open(server, { colorScheme, expected: CONNECTION_ERRORS });
      await assertAccessible(page, 'ready');
      await press(page, '#open-settings');
      await assertAccessible(page, 'settings');
      await press(page, '#close-settings');
      await press(page, '#primary');
      await at(page, 'waiting');
      await assertAccessible(page, 'waiting');
      await at(page, 'playing');
      await press(page, hand('rock'));
      await press(page, '.face >> nth=0');
      await assertAccessible(page, 'playing');
      await at(page, 'result');
      const other = await context.newPage();
      await other.goto(server.url);
      await page.locator('#link').waitFor();
      await assertAccessible(page, 'result, and replaced');
      await press(page, '#secondary');
      await at(page, 'replaced');
      await page.locator('#primary[aria-disabled="false"]').waitFor();
      await assertAccessible(page, 'replaced');
      await at(other, 'ready');
      await server.stop();
      await other.locator('#link').waitFor();
      await assertAccessible(other, 'reconnecting');
    }));

    test('the Mini Program', onServer(ROBOTS, async (server) => {
      const { page } = await openMiniProgram(server, { colorScheme });
      await assertAccessible(page, 'ready');
      await press(page, '[aria-label="Settings"]');
      await page.locator('.form').waitFor();
      await assertAccessible(page, 'settings');
      await page.getByRole('button', { name: 'Back' }).click();
      await press(page, PRIMARY);
      await inWeChat(page, 'waiting');
      await assertAccessible(page, 'waiting');
      await inWeChat(page, 'playing');
      await press(page, '.face >> nth=0');
      await assertAccessible(page, 'playing');
    }));

    for (const end of ['win', 'lose', 'draw']) {
      test(`a ${end}, in both`, onServer(ROBOTS, async (server) => {
        const prepare = (page) => rig(page, end, 5);
        const [{ page }, { page: mini }] = [
          await open(server, { colorScheme, prepare }), await openMiniProgram(server, { colorScheme, prepare })];
        await Promise.all([press(page, '#primary'), press(mini, PRIMARY)]);
        await Promise.all([at(page, 'result'), inWeChat(mini, 'result')]);
        assert.equal(await outcome(page), end);
        await page.locator('#primary[aria-disabled="false"]').waitFor();
        await assertAccessible(page, 'the page');
        await mini.locator(PRIMARY).waitFor();
        await assertAccessible(mini, 'the Mini Program');
      }));
    }
  });
}
