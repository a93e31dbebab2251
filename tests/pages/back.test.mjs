// Every way in which a connection can end leads back to the same seat, or to the result that was missed; a round that is lost is
// said to be lost. On the page in Chromium, on the real server.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startRelay } from '../clients/relay.mjs';
import { startServer } from '../clients/server.mjs';
import { CONNECTION_ERRORS, assertQuiet, useChromium } from './chromium.mjs';
import { AT_ONCE, Table, afterwards, at, guest, hand, onServer, open, outcome, press, text } from './table.mjs';

useChromium();

const LOSING = { expected: CONNECTION_ERRORS };
/** Rounds long enough to be away in, on a busy machine too. */
const LONG = { 'robot-wait': '30s', 'game-time': '30s' };
const SHORT = { 'robot-wait': '30s', 'game-time': '3s' };

/** Two in a round, the first behind a wire that can be cut. Both have shown a hand; with these the first one wins. */
async function inARound(server) {
  const relay = await startRelay(server.url);
  afterwards(() => relay.close());
  const table = new Table(await open({ ...server, url: relay.url }, LOSING), await open(server));
  await table.meet();
  await press(table.one, hand('rock'));
  await press(table.two, hand('scissors'));
  await table.two.locator('#others .card[data-hop="odd"]').waitFor();
  return { ...table, table, relay };
}

const chosen = (page, name) => page.locator(`${hand(name)}[aria-pressed="true"]`).waitFor();
const status = (page, words) => page.locator('#others .status').filter({ hasText: words }).waitFor();
/** Both lock, and nobody has to wait for the end of a long round. */
async function lockBoth({ one, two }) {
  await press(one, hand('rock'));
  await press(two, hand('scissors'));
  await Promise.all([at(one, 'result'), at(two, 'result')]);
  assert.deepEqual([await outcome(one), await outcome(two)], ['win', 'lose']);
}

describe('back in time, the seat is the same and the hand lies there', AT_ONCE, () => {
  /** Each is given the page and its wire, and comes back with the page that plays on. */
  const ways = {
    'a cut wire': async (page, relay) => {
      relay.cut();
      await page.locator('#link').filter({ hasText: 'reconnecting' }).waitFor();
      assert.match(await text(page, '#detail'), /Back in time, this hand counts/);
      const [{ y: leave }, { y: mute }] = [await page.locator('#leave').boundingBox(), await page.locator('#mute').boundingBox()];
      assert.equal(leave, mute, 'a word about the connection moves no button');
      relay.mend();
      return page;
    },
    'a reload': async (page) => {
      await page.reload();
      return page;
    },
    'another page, and Back': async (page) => {
      await page.goto('about:blank');
      await page.goBack();
      return page;
    },
    'a second tab': async (page) => {
      const second = await page.context().newPage();
      await second.goto(page.url());
      await at(page, 'replaced');
      return second;
    },
    'a closed tab, opened again': async (page) => {
      const [url, context] = [page.url(), page.context()];
      await page.close();
      const again = await context.newPage();
      await again.goto(url);
      return again;
    },
    'a page that is put away and taken out again': async (page) => {
      await page.evaluate(() => {
        dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }));
        dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
      });
      await page.locator('#link').waitFor({ state: 'hidden' });
      return page;
    },
  };
  for (const [name, way] of Object.entries(ways)) {
    test(name, onServer(LONG, async (server) => {
      const { table, one, two, relay } = await inARound(server);
      const back = await way(one, relay);
      await at(back, 'playing');
      await chosen(back, 'rock');
      assert.equal(await text(back, '#others .name'), await text(two, '#me .name'));
      assert.ok(Number(await text(back, '#seconds')) <= 30);
      await lockBoth({ one: back, two });
      assert.doesNotMatch(await text(back, '#detail'), /away/);
      assert.deepEqual([await text(back, '#tally'), await text(two, '#tally')], ['1 : 0', '0 : 1']);
      table.assertQuiet();
    }));
  }

  test('a hand that is locked stays so, and the other sees who is away and who is back', onServer(LONG, async (server) => {
    const { table, one, two, relay } = await inARound(server);
    await press(one, hand('rock'));
    await status(two, 'has locked');
    relay.cut();
    await status(two, 'is cut off, seat kept');
    relay.mend();
    await status(two, 'has locked');
    await one.reload();
    await one.locator(`${hand('rock')}[data-locked="true"]`).waitFor();
    assert.equal(await text(one, '#detail'), 'Locked: it stays.');
    await press(two, hand('scissors'));
    await Promise.all([at(one, 'result'), at(two, 'result')]);
    table.assertQuiet();
  }));
});

describe('back too late, what was missed is shown, once', AT_ONCE, () => {
  for (const closed of [false, true]) {
    test(closed ? 'a closed tab' : 'a cut wire', onServer(SHORT, async (server) => {
      const { table, one, two, relay } = await inARound(server);
      const [url, context] = [one.url(), one.context()];
      relay.cut();
      if (closed) await one.close();
      await at(two, 'result');
      assert.equal(await outcome(two), 'lose', 'the hand of who is away counts');
      if (!closed) {
        await at(one, 'ready');
        assert.equal(await text(one, '#note'), 'You see how that round ended when the connection is back.');
      }
      relay.mend();
      const back = closed ? await context.newPage() : one;
      if (closed) await back.goto(url);
      await at(back, 'result');
      assert.equal(await text(back, '#headline'), 'You win!');
      assert.match(await text(back, '#detail'), /^While you were away: Rock breaks scissors\./);
      assert.deepEqual([await text(back, '#others .name'), await text(back, '#gained'), await text(back, '#tally')],
        [await text(two, '#me .name'), '+1', '1 : 0']);
      assert.equal(await back.locator('#note').isVisible(), false);
      await back.reload();
      await at(back, 'ready');
      assert.equal(await text(back, '#me .score'), 'Score 1');
      table.assertQuiet();
    }));
  }
});

describe('a server that is gone', AT_ONCE, () => {
  for (const [end, reload] of [['stop', false], ['kill', true]]) {
    test(`takes the round with it, and that is said: ${end}${reload ? ', and a reload' : ''}`, onServer(
      { ...LONG, 'drain-timeout': '0s' }, async (server) => {
        const { one, two } = await inARound(server);
        const { port } = new URL(server.url);
        await server[end]();
        const next = await startServer({ ...SHORT, 'robot-wait': '1s', port });
        afterwards(() => next.stop());
        if (reload) await two.reload();
        await at(two, 'ready');
        await two.locator('#note').waitFor();
        assert.equal(await text(two, '#note'), 'That round is lost: the server no longer knows of it. It counts for nobody.');
        await press(two, '#primary');
        await at(two, 'playing');
        assert.equal(await two.locator('#note').isVisible(), false);
        await one.close();
      }));
  }
});

describe('waiting alone', AT_ONCE, () => {
  test('and cut off: the place is kept, and whoever comes first is met', onServer({ 'robot-wait': '60s', 'game-time': '3s' }, async (server) => {
    const relay = await startRelay(server.url);
    afterwards(() => relay.close());
    const one = await open({ ...server, url: relay.url }, LOSING);
    await press(one.page, '#primary');
    await at(one.page, 'waiting');
    await one.page.locator('#secondary').filter({ hasText: 'Play a robot' }).waitFor();
    relay.cut();
    await one.page.locator('#detail').filter({ hasText: 'as soon as the connection is back' }).waitFor();
    relay.mend();
    await one.page.locator('#link').waitFor({ state: 'hidden' });
    assert.match(await text(one.page, '#detail'), /a robot steps in/);
    const two = await open(server);
    await press(two.page, '#primary');
    await Promise.all([at(one.page, 'playing'), at(two.page, 'playing')]);
    [one, two].forEach(assertQuiet);
  }));

  test('a robot comes at once to who asks for one', onServer({ 'robot-wait': '60s', 'game-time': '12s' }, async (server) => {
    const someone = await open(server);
    const { page } = someone;
    await press(page, '#primary');
    await press(page, '#secondary[aria-disabled="false"]');
    await at(page, 'playing');
    assert.equal(await text(page, '#others .robot'), 'Robot');
    // Nobody is waited for: with the one person's hand locked, the round is over.
    await press(page, hand('rock'));
    await press(page, hand('rock'));
    await at(page, 'result');
    assertQuiet(someone);
  }));

  test('sees how many are there without asking', onServer({}, async (server) => {
    const someone = await open(server);
    assert.equal(await text(someone.page, '#online'), 'Nobody else online');
    const other = await guest();
    await other.page.goto(server.url);
    // Well before the page would ask by itself.
    await someone.page.locator('#online').filter({ hasText: '1 other online' }).waitFor({ timeout: 15_000 });
    assertQuiet(someone);
  }));
});
