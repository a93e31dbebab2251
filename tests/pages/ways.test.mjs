// How the page comes to the server and comes back: without a WebSocket, before it is looked at, and out of a browser's memory.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startRelay } from '../clients/relay.mjs';
import { CONNECTION_ERRORS, assertQuiet, launch, useChromium } from './chromium.mjs';
import { AT_ONCE, PEOPLE, ROBOTS, Table, afterwards, at, guest, hand, onServer, open, outcome, overhear, press, text } from './table.mjs';

useChromium();

const online = (page) => page.locator('#online').filter({ hasText: /online/ }).waitFor();

describe('no WebSocket', AT_ONCE, () => {
  const WAYS = {
    'no such class': (page) => page.addInitScript(() => { delete window.WebSocket; }),
    'refused at once': (page) => page.routeWebSocket(/applet/, (socket) => socket.close()),
    'never answered': (page) => page.addInitScript(() => {
      window.WebSocket = class { readyState = 0; send() {} close() {} };
    }),
    'opened, and nothing passed on': (page) => page.routeWebSocket(/applet/, () => {}),
  };
  for (const [name, prepare] of Object.entries(WAYS)) {
    test(`${name}: the page polls, and says so`, onServer(ROBOTS, async (server) => {
      const someone = await open(server, { prepare, expected: CONNECTION_ERRORS });
      await someone.page.locator('#online').filter({ hasText: 'polling' }).waitFor();
      assertQuiet(someone);
    }));
  }

  test('a round is played all the same', onServer(PEOPLE, async (server) => {
    const [prepare] = Object.values(WAYS);
    const table = new Table(await open(server, { prepare }), await open(server));
    const { one, two } = table;
    await table.meet();
    await press(one, hand('rock'));
    await press(two, hand('paper'));
    await press(one, hand('scissors'));
    await two.locator('#others .card[data-hop="even"]').waitFor();
    await one.locator('#others .card[data-hop="odd"]').waitFor();
    await Promise.all([at(one, 'result'), at(two, 'result')]);
    assert.equal(await outcome(one), 'win');
    assert.doesNotMatch(await text(two, '#online'), /polling/);
    table.assertQuiet();
  }));

  test('and it goes back to a WebSocket when there is one', onServer(ROBOTS, async (server) => {
    let blocked = true;
    const prepare = (page) => page.routeWebSocket(/applet/, (socket) => (blocked ? socket.close() : socket.connectToServer()));
    const someone = await open(server, { prepare, expected: CONNECTION_ERRORS });
    const { page } = someone;
    await page.locator('#online').filter({ hasText: 'polling' }).waitFor();
    blocked = false;
    await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pagehide')));
    await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
    await page.locator('#online').filter({ hasNotText: 'polling' }).filter({ hasText: 'online' }).waitFor();
    assertQuiet(someone);
  }));
});

describe('a page nobody looks at', AT_ONCE, () => {
  test('does not dial while it is only prepared', onServer(ROBOTS, async (server) => {
    const someone = await guest();
    const { page } = someone;
    await page.addInitScript(() => {
      let prepared = true;
      Object.defineProperty(document, 'prerendering', { get: () => prepared });
      window.activate = () => {
        prepared = false;
        document.dispatchEvent(new Event('prerenderingchange'));
      };
    });
    const dialled = [];
    page.on('websocket', (socket) => dialled.push(socket.url()));
    const sent = overhear(page);
    await page.goto(server.url, { waitUntil: 'networkidle' });
    await at(page, 'connecting');
    assert.deepEqual([dialled, sent], [[], []]);
    await page.evaluate(() => window.activate());
    await at(page, 'ready');
    assert.equal(dialled.length, 1);
    assertQuiet(someone);
  }));

  test('is kept by the browser whole, and is back at once', onServer(ROBOTS, async (server) => {
    // Playwright switches off what this is about.
    const browser = await launch({ ignoreDefaultArgs: ['--disable-back-forward-cache'] });
    afterwards(() => browser.close());
    const someone = await open(server, { browser, expected: CONNECTION_ERRORS });
    const { page } = someone;
    await page.evaluate(() => { window.kept = true; });
    await page.goto(`${server.url}/robots.txt`);
    await page.goBack({ waitUntil: 'commit' });
    await online(page);
    assert.equal(await page.evaluate(() => window.kept), true, 'the same page, and not another');
    assertQuiet(someone);
  }));

  test('has no connection while it is away, and what it says then is true', onServer(ROBOTS, async (server) => {
    const someone = await open(server, { expected: CONNECTION_ERRORS });
    const { page, sent } = someone;
    const before = sent.length;
    await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })));
    await page.locator('#link').filter({ hasText: 'Reconnecting' }).waitFor();
    await press(page, '#primary');
    assert.match(await text(page, '#detail'), /as soon as the connection is back/);
    assert.equal(sent.length, before);
    await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
    await at(page, 'playing');
    assertQuiet(someone);
  }));

  test('in a tab whose timers stand still is back as soon as it is looked at', onServer(ROBOTS, async (server) => {
    const relay = await startRelay(server.url);
    afterwards(() => relay.close());
    const someone = await guest({ expected: CONNECTION_ERRORS });
    const { page } = someone;
    await page.addInitScript(() => {
      const { setTimeout } = window;
      // Hidden, a browser may let a timer wait for a minute: here it waits for ever.
      window.setTimeout = (...args) => (window.stands ? 0 : setTimeout(...args));
    });
    await page.goto(relay.url);
    await at(page, 'ready');
    await page.evaluate(() => { window.stands = true; });
    relay.cut();
    await page.locator('#link').filter({ hasText: 'Reconnecting' }).waitFor();
    relay.mend();
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await online(page);
    assertQuiet(someone);
  }));
});
