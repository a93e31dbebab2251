// Friends meet again: on two pages and in WeChat, on the real server.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertQuiet, useChromium } from './chromium.mjs';
import { AT_ONCE, Table, at, hand, onServer, open, press, text } from './table.mjs';
import { PRIMARY, at as inWeChat, open as openWeChat } from './wechat.mjs';

useChromium();

/** A robot would come at once, if nobody waited for friends. */
const QUICK = { 'robot-wait': '1s', 'game-time': '20s', 'rematch-wait': '8s' };

/** Both show these and lock them, and look at the result. */
async function finish({ one, two }, mine = 'rock', yours = 'scissors') {
  for (const [page, name] of [[one, mine], [two, yours]]) {
    await press(page, hand(name));
    await press(page, hand(name));
  }
  await Promise.all([at(one, 'result'), at(two, 'result')]);
  await Promise.all([one, two].map((page) => page.locator('#primary[aria-disabled="false"]').waitFor()));
}

const invited = (page) => page.locator('#others .status').filter({ hasText: 'wants a rematch' }).waitFor();
const opponent = (page) => text(page, '#others .name');
const robots = (page) => page.locator('#others .robot').filter({ hasText: 'Robot' }).count();

/** Two who have just played each other. */
async function friends(server) {
  const table = new Table(await open(server), await open(server));
  await table.meet();
  await finish(table);
  return table;
}

describe('after a round between two people', AT_ONCE, () => {
  test('who asks first waits, the other is told, and they meet; the score goes on', onServer(QUICK, async (server) => {
    const table = await friends(server);
    const { one, two } = table;
    assert.deepEqual([await text(one, '#tally'), await text(two, '#tally')], ['1 : 0', '0 : 1']);
    const [ann, bo] = [await text(one, '#me .name'), await text(two, '#me .name')];
    await press(one, '#primary');
    await at(one, 'waiting');
    await invited(two);
    assert.equal(await text(one, '#headline'), `A rematch with ${bo}?`);
    assert.equal(await text(two, '#primary'), 'Rematch');
    assert.equal(await text(two, '#announcement'), `${ann} wants a rematch.`);
    // Longer than a robot takes for strangers.
    await one.waitForTimeout(2_500);
    assert.equal(await one.locator('#app').getAttribute('data-phase'), 'waiting');
    await press(two, '#primary');
    await Promise.all([at(one, 'playing'), at(two, 'playing')]);
    assert.deepEqual([await opponent(one), await opponent(two)], [bo, ann]);
    await finish(table, 'rock', 'paper');
    assert.deepEqual([await text(one, '#tally'), await text(two, '#tally')], ['1 : 1', '1 : 1']);
    table.assertQuiet();
  }));

  test('who waits takes a robot, or anybody; the other sees that the invitation is over', onServer({ ...QUICK, 'rematch-wait': '60s' }, async (server) => {
    const table = await friends(server);
    const { one, two } = table;
    const over = (page) => page.locator('#primary').filter({ hasText: 'Play again' }).waitFor();
    await press(one, '#primary');
    await invited(two);
    await press(one, '#secondary[aria-disabled="false"]');
    await at(one, 'playing');
    assert.equal(await robots(one), 1);
    await over(two);
    assert.equal(await text(two, '#others .status'), '');
    await press(two, '#primary');
    await at(two, 'playing');
    assert.equal(await robots(two), 1, 'nobody waits for who plays elsewhere');
    table.assertQuiet();

    const others = await friends(server);
    await press(others.one, '#primary');
    await invited(others.two);
    await press(others.one, '#third[aria-disabled="false"]');
    await at(others.one, 'playing');
    await over(others.two);
  }));

  test('who goes away from the result declines: the other does not wait in vain', onServer({ ...QUICK, 'rematch-wait': '60s' }, async (server) => {
    const table = await friends(server);
    const { one, two } = table;
    await press(one, '#primary');
    await invited(two);
    assert.equal(await text(two, '#secondary'), 'No, thanks');
    await press(two, '#secondary');
    await at(two, 'ready');
    await at(one, 'playing');
    assert.equal(await robots(one), 1);
    table.assertQuiet();
  }));

  test('who is invited takes a robot; or is loaded again, and reads it there', onServer({ ...QUICK, 'robot-wait': '60s' }, async (server) => {
    const table = await friends(server);
    const { one, two } = table;
    await press(one, '#primary');
    await invited(two);
    await two.reload();
    await two.locator('#note').filter({ hasText: 'wants a rematch.' }).waitFor();
    await press(two, '#primary');
    await Promise.all([at(one, 'playing'), at(two, 'playing')]);
    await finish(table);
    assert.equal(await text(one, '#tally'), '2 : 0');
    assert.equal(await text(two, '#tally'), '0 : 2', 'counted on over a reload');
    await press(one, '#primary');
    await invited(two);
    await press(two, '#third[aria-disabled="false"]');
    await at(two, 'playing');
    assert.equal(await robots(two), 1);
    table.assertQuiet();
  }));

  test('both make faces at the result, until one has gone', onServer(QUICK, async (server) => {
    const table = await friends(server);
    const { one, two } = table;
    await press(one, '.face >> nth=3');
    await two.locator('#others .pulled[alt*="smirking"]').waitFor();
    await press(two, '.face >> nth=1');
    await one.locator('#others .pulled[alt*="crying"]').waitFor();
    await press(two, '#secondary');
    await at(two, 'ready');
    await one.waitForTimeout(500);
    await press(one, '.face >> nth=0');
    await one.locator('#faces').waitFor({ state: 'hidden' });
    assert.equal(await one.locator('#me .pulled').isVisible(), false, 'nobody sees it');
    table.assertQuiet();
  }));

  test('in WeChat and on the page: lock, invitation, rematch, score', onServer({ ...QUICK, 'rematch-wait': '60s' }, async (server) => {
    const wechat = await openWeChat(server);
    const browser = await open(server);
    const [phone, page] = [wechat.page, browser.page];
    const pick = (name) => press(phone, `.hands .hand[aria-label="${name}"]`);
    await press(phone, PRIMARY);
    await press(page, '#primary');
    await Promise.all([inWeChat(phone, 'playing'), at(page, 'playing')]);
    await pick('rock');
    await pick('rock');
    await phone.locator('.hand.locked').waitFor();
    await page.locator('#others .status').filter({ hasText: 'has locked' }).waitFor();
    await press(page, hand('paper'));
    await press(page, hand('paper'));
    await Promise.all([inWeChat(phone, 'result'), at(page, 'result')]);
    assert.deepEqual([await text(phone, '.tally'), await text(page, '#tally')], ['0 : 1', '1 : 0']);
    await press(phone, '.face[aria-label="angry"]');
    await page.locator('#others .pulled[alt*="angry"]').waitFor();
    await press(page, '#primary[aria-disabled="false"]');
    await phone.locator('.others .status').filter({ hasText: 'wants a rematch' }).waitFor();
    assert.equal(await text(phone, PRIMARY), 'Rematch');
    await press(phone, PRIMARY);
    await Promise.all([inWeChat(phone, 'playing'), at(page, 'playing')]);
    assert.equal(await text(page, '#others .name'), await text(phone, '.me .name'));
    assertQuiet(wechat);
    assertQuiet(browser);
  }));
});
