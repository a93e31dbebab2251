// What the tests of the page share: a server, pages on it, and the few things a player does.

import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { startServer } from '../clients/server.mjs';
import { assertQuiet, visitor } from './chromium.mjs';

/** For rounds between people: both come before a robot does. */
export const PEOPLE = { 'robot-wait': '30s', 'game-time': '3s' };
/** For rounds alone: long enough to see somebody wait. */
export const ROBOTS = { 'robot-wait': '1s', 'game-time': '3s' };

/** As many tests at a time: most of them wait for a round to end. */
export const AT_ONCE = { concurrency: 3 };

/** What the running test has opened, the last of it first. */
const opened = new AsyncLocalStorage();

/** Does this when the test is over, however it ends. */
export function afterwards(close) {
  opened.getStore().unshift(close);
}

/** A test on a server of its own; what the server said is shown when it fails. */
export function onServer(flags, body) {
  return () => opened.run([], async () => {
    const server = await startServer(flags);
    afterwards(() => server.stop());
    try {
      await body(server);
    } catch (error) {
      error.message += `\n${server.log()}`;
      throw error;
    } finally {
      for (const close of opened.getStore()) await close();
    }
  });
}

/** A browser that goes with the test. */
export async function guest(options) {
  const someone = await visitor(options);
  afterwards(() => someone.context.close());
  return someone;
}

/** Collects what a page says to the server. */
export function overhear(page) {
  const sent = [];
  page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => sent.push(String(payload))));
  return sent;
}

/** A page that is connected and ready. `sent` collects what it says to the server. */
export async function open({ url }, { prepare = () => {}, ...options } = {}) {
  const someone = await guest(options);
  await prepare(someone.page);
  const sent = overhear(someone.page);
  await someone.page.goto(url);
  await at(someone.page, 'ready');
  return { ...someone, sent };
}

/** Waits for a phase. */
export async function at(page, phase) {
  await page.locator(`#app[data-phase="${phase}"]`).waitFor();
}

/** Waits until whatever moves for a moment has moved; a countdown and what pulses go on. */
export async function still(page) {
  await page.waitForFunction(() => document.getAnimations().every(({ playState, effect }) => {
    const { duration, iterations } = effect.getComputedTiming();
    return playState !== 'running' || duration > 1000 || iterations === Infinity;
  }));
}

/**
 * Lets every round of a page end as the test wants it. The server's own result is as it may; only the screen is looked at.
 * @param {'win' | 'lose' | 'draw'} end @param {number} streak of whoever wins
 */
export async function rig(page, end, streak = 1) {
  await page.routeWebSocket(/applet/, (socket) => {
    const real = socket.connectToServer();
    let uid;
    socket.onMessage((message) => {
      uid = /"uid":"(\w+)"/.exec(message)?.[1] ?? uid;
      real.send(message);
    });
    real.onMessage((message) => socket.send(message.replace(/\[\{"uid".*?"winStreak":\d+\}\]/s, (lines) => {
      if (!message.includes('"roundScore"')) return lines;
      return JSON.stringify(JSON.parse(lines).map((line) => {
        const mine = line.uid === uid;
        const won = end !== 'draw' && mine === (end === 'win');
        const choice = end === 'draw' || won ? 2 : 1;
        return { ...line, choice, roundScore: won ? streak : 0, totalScore: won ? 3 * streak : 0, winStreak: won ? streak : 0 };
      }));
    })));
  });
}

/** Clicks as a person does: it must be visible, still and enabled. */
export async function press(page, selector) {
  await page.locator(selector).click();
}

/** Out of a round, in spite of what it costs. */
export async function leave(page) {
  await press(page, '#leave[aria-disabled="false"]');
  await press(page, '#ask-yes');
}

export async function text(page, selector) {
  return page.locator(selector).textContent();
}

export async function outcome(page) {
  return page.locator('#app').getAttribute('data-outcome');
}

/** The button of a hand. */
export function hand(name) {
  return `.hand[aria-keyshortcuts="${{ scissors: 1, rock: 2, paper: 3 }[name]}"]`;
}

/** Two people who play each other. */
export class Table {
  constructor(one, two) {
    this.people = [one, two];
    this.one = one.page;
    this.two = two.page;
  }

  /** Both ask, and sit in a round together. */
  async meet() {
    await Promise.all([press(this.one, '#primary'), press(this.two, '#primary')]);
    await Promise.all([at(this.one, 'playing'), at(this.two, 'playing')]);
    assert.equal(await text(this.one, '#others .name'), await text(this.two, '#me .name'), 'they meet each other');
  }

  assertQuiet() {
    this.people.forEach(assertQuiet);
  }
}
