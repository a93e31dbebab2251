// Who plays on a device stays the same when the browser deletes what the page has stored. On the page in Chromium.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { useChromium } from './chromium.mjs';
import { AT_ONCE, ROBOTS, at, onServer, open } from './table.mjs';

useChromium();

const PATIENCE = 20_000;
const stored = (page) => page.evaluate(() => JSON.parse(localStorage.getItem('wulin')));
const cookie = async (context) => (await context.cookies()).find(({ name }) => name === 'wulin');
/** The server has set the cookie to this. */
async function kept(context, page, who) {
  const expected = await page.evaluate((who) => {
    const bytes = new TextEncoder().encode(JSON.stringify(who));
    return btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  }, who);
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const found = await cookie(context);
    if (found?.value === expected) return found;
    assert.ok(Date.now() < deadline, 'the server sets no cookie');
    await page.waitForTimeout(20);
  }
}
const identity = ({ uid, token, name, avatar }) => ({ uid, token, name, avatar });

describe('who one is', AT_ONCE, () => {
  test('comes back from the cookie, with the score, where the storage was deleted', onServer(ROBOTS, async (server) => {
    const { page, context } = await open(server);
    const before = await stored(page);
    const found = await kept(context, page, identity(before));
    assert.equal(found.secure, true);
    assert.ok(found.expires - Date.now() / 1000 > 390 * 24 * 60 * 60);
    await page.evaluate(() => localStorage.clear());
    await page.reload();
    await at(page, 'ready');
    assert.deepEqual(identity(await stored(page)), identity(before), 'the token as well, which the score belongs to');
  }));

  test('is what is stored, where both are there, and a broken cookie breaks nothing', onServer(ROBOTS, async (server) => {
    const { page, context } = await open(server);
    const before = await stored(page);
    const found = await kept(context, page, identity(before));
    await context.addCookies([{ ...found, value: 'bm9uc2Vuc2U' }]);
    await page.reload();
    await at(page, 'ready');
    assert.deepEqual(identity(await stored(page)), identity(before));
    await kept(context, page, identity(before));
    await context.addCookies([{ ...found, value: 'bm9uc2Vuc2U' }]);
    await page.evaluate(() => localStorage.clear());
    await page.reload();
    await at(page, 'ready');
    assert.notEqual((await stored(page)).uid, before.uid);
  }));
});
