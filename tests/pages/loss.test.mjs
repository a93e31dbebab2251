// Connection loss is a normal state: in each of them the page says so quietly, shows a way out, and plays on.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startRelay } from '../clients/relay.mjs';
import { startServer } from '../clients/server.mjs';
import { CONNECTION_ERRORS, assertQuiet, launch, useChromium } from './chromium.mjs';
import { AT_ONCE, PEOPLE, ROBOTS, Table, afterwards, at, guest, hand, onServer, open, outcome, press, text } from './table.mjs';

useChromium();

const LOSING = { expected: CONNECTION_ERRORS };

/** Somebody whose wire to the server the test holds in its hand. */
async function openByRelay(server, options) {
  const relay = await startRelay(server.url);
  afterwards(() => relay.close());
  const someone = await open({ ...server, url: relay.url }, { ...LOSING, ...options });
  return { ...someone, relay };
}

/** The page says that it is reconnecting; or that it is not any more. */
const reconnecting = (page) => page.locator('#link').filter({ hasText: 'reconnecting' }).waitFor();
const connected = (page) => page.locator('#link').waitFor({ state: 'hidden' });

/** From wherever the page is: a whole round, by the one next step. */
async function playsOn(page) {
  if (await page.locator('#app').getAttribute('data-phase') === 'waiting') await at(page, 'playing');
  else await press(page, '#primary');
  await at(page, 'playing');
  await press(page, hand('paper'));
  await at(page, 'result');
  assert.equal(await page.locator('#me .shown').getAttribute('alt'), 'paper');
}

/** The server goes, a new one comes to the same address, and the page has noticed both. */
async function restart(server, page, flags, meanwhile = async () => {}) {
  const { port } = new URL(server.url);
  await server.stop();
  await reconnecting(page);
  await meanwhile();
  const next = await startServer({ ...flags, port });
  afterwards(() => next.stop());
  await connected(page);
}

describe('losing the connection', AT_ONCE, () => {
  for (const phase of ['ready', 'waiting', 'playing', 'result']) {
    const flags = { ...ROBOTS, 'game-time': '4s', 'drain-timeout': '0s' };
    const first = phase === 'waiting' ? { ...flags, 'robot-wait': '60s' } : flags;
    test(`the server is stopped and started again: ${phase}`, onServer(first, async (server) => {
      const someone = await open(server, LOSING);
      const { page } = someone;
      if (phase !== 'ready') await press(page, '#primary');
      await at(page, phase);
      if (phase === 'playing') await press(page, hand('rock'));
      await restart(server, page, flags, async () => {
        assert.equal(await page.locator('#app').getAttribute('data-phase'), phase, 'the screen stays what it was');
        if (phase !== 'playing') await page.locator('#primary[aria-disabled="false"]').waitFor();
      });
      if (phase === 'playing') {
        await at(page, 'ready');
        assert.match(await text(page, '#note'), /That round is lost/);
      }
      await playsOn(page);
      assertQuiet(someone);
    }));
  }

  test('the wire is cut in a round: the other gets a result, and both play on', onServer(PEOPLE, async (server) => {
    const table = new Table(await openByRelay(server), await open(server));
    const { one, two, people: [{ relay }] } = table;
    await table.meet();
    await press(one, hand('rock'));
    await press(two, hand('scissors'));
    relay.cut();
    await reconnecting(one);
    await at(two, 'result');
    assert.equal(await outcome(two), 'lose', 'the hand of who is gone counts');
    relay.mend();
    await connected(one);
    // As it would have been shown: the round was won meanwhile.
    await at(one, 'result');
    assert.equal(await outcome(one), 'win');
    assert.match(await text(one, '#detail'), /^While you were away: Rock breaks scissors\./);
    assert.equal(await text(one, '#others .name'), await text(two, '#me .name'));
    assert.deepEqual([await text(one, '#tally'), await text(two, '#tally')], ['1 : 0', '0 : 1']);
    await table.meet();
    table.assertQuiet();
  }));

  test('the network changes in a round: the server still waits, and the round goes on with the hand chosen meanwhile', onServer(
    { ...PEOPLE, 'game-time': '12s' }, async (server) => {
      const table = new Table(await openByRelay(server), await open(server));
      const { one, two, people: [{ relay, context }] } = table;
      await table.meet();
      await press(one, hand('rock'));
      await two.locator('#others .card[data-hop="odd"]').waitFor();
      // Nothing comes through any more, and nobody is told: what a phone does when it leaves its Wi-Fi.
      relay.hold();
      await context.setOffline(true);
      await reconnecting(one);
      await press(one, hand('paper'));
      assert.match(await text(one, '#detail'), /Back in time, this hand counts/);
      await press(two, hand('rock'));
      relay.release();
      await context.setOffline(false);
      await connected(one);
      await Promise.all([at(one, 'result'), at(two, 'result')]);
      assert.equal(await outcome(one), 'win');
      assert.equal(await two.locator('#others .shown').getAttribute('alt'), 'paper');
        table.assertQuiet();
    }));

  test('a server that hangs is noticed, and a wish made meanwhile comes true', onServer(ROBOTS, async (server) => {
    const { page, relay, ...someone } = await openByRelay(server);
    relay.hold();
    await press(page, '#primary');
    await at(page, 'waiting');
    await reconnecting(page);
    relay.release();
    await playsOn(page);
    assertQuiet(someone);
  }));

  test('a slow network: every message takes a second each way, and a round is played', onServer(ROBOTS, async (server) => {
    const { page, relay, ...someone } = await openByRelay(server);
    relay.slow(1000);
    await press(page, '#primary');
    await at(page, 'playing');
    await press(page, hand('rock'));
    await at(page, 'result');
    assert.equal(await page.locator('#me .shown').getAttribute('alt'), 'rock');
    assertQuiet(someone);
  }));

  test('no connection from the beginning: it says so, and a tap is not lost', onServer(ROBOTS, async (server) => {
    const someone = await guest(LOSING);
    const { page } = someone;
    // The page comes through; its socket does not, until it may.
    let open = false;
    await page.routeWebSocket(/applet/, (socket) => (open ? socket.connectToServer() : socket.close()));
    await page.route(/socket\.io/, (route) => route.abort());
    await page.goto(server.url);
    await at(page, 'connecting');
    await page.locator('#link').filter({ hasText: 'No answer' }).waitFor();
    await press(page, '#primary');
    await at(page, 'waiting');
    assert.match(await text(page, '#detail'), /as soon as the connection is back/);
    await press(page, '#primary');
    await at(page, 'connecting');
    await press(page, '#primary');
    open = true;
    await playsOn(page);
    assertQuiet(someone);
  }));

  test('a page that slept through the end of its round shows the result it finds when it wakes', onServer(ROBOTS, async (server) => {
    const browser = await launch();
    afterwards(() => browser.close());
    const someone = await open(server, { ...LOSING, browser });
    const { page, context } = someone;
    const { processInfo } = await (await browser.newBrowserCDPSession()).send('SystemInfo.getProcessInfo');
    const renderers = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
    assert.ok(renderers.length > 0);
    await press(page, '#primary');
    await at(page, 'playing');
    await press(page, hand('rock'));
    // Stopped as by a phone in a pocket: no script runs, no timer, and what comes is kept by the network.
    const overslept = Date.now() + 9_000;
    for (const pid of renderers) process.kill(pid, 'SIGSTOP');
    try {
      const rooms = async () => (await (await context.request.get(`${server.url}/applet/websocket`)).json()).rooms;
      while ((await rooms()) > 0 || Date.now() < overslept) await new Promise((resolve) => setTimeout(resolve, 100));
    } finally {
      for (const pid of renderers) process.kill(pid, 'SIGCONT');
    }
    await at(page, 'result');
    assert.equal(await page.locator('#me .shown').getAttribute('alt'), 'rock');
    await playsOn(page);
    assertQuiet(someone);
  }));

  test('a server about to restart refuses a seat: the page waits, and gets one from the next', onServer(
    { 'robot-wait': '300ms', 'game-time': '4s', 'drain-timeout': '10s' }, async (server) => {
      const [someone, other] = [await open(server, LOSING), await open(server, LOSING)];
      const { page } = someone;
      // Somebody else's round holds the drain.
      await press(other.page, '#primary');
      await at(other.page, 'playing');
      const stopped = server.stop();
      await press(page, '#primary');
      await at(page, 'waiting');
      await at(other.page, 'result');
      await stopped;
      const { port } = new URL(server.url);
      const next = await startServer({ 'robot-wait': '300ms', 'game-time': '4s', port });
      afterwards(() => next.stop());
      await playsOn(page);
      assertQuiet(someone);
    }));

  test('whatever the server refuses, the page goes on', onServer(ROBOTS, async (server) => {
    const someone = await guest();
    const { page } = someone;
    // Every kind of refusal, in answer to whatever the page said first of its kind.
    const refusals = { hello: ['uid_taken', 'bad_picture', 'too_fast'], join: ['too_fast', 'closing'], choice: ['too_fast'] };
    await page.routeWebSocket(/applet/, (socket) => {
      const real = socket.connectToServer();
      socket.onMessage((message) => {
        const { event } = JSON.parse(message);
        const code = refusals[event]?.shift();
        if (code) socket.send(JSON.stringify({ event: 'fault', data: { event, code, message: 'refused' } }));
        else real.send(message);
      });
    });
    await page.goto(server.url);
    await at(page, 'ready');
    await press(page, '#primary');
    await at(page, 'playing');
    await press(page, hand('rock'));
    await at(page, 'result');
    assert.equal(await page.locator('#me .shown').getAttribute('alt'), 'rock');
    assert.deepEqual(refusals, { hello: [], join: [], choice: [] });
    assertQuiet(someone);
  }));
});
