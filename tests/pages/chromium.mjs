// Chromium for the tests: one for a file, a fresh visitor for every page, and nobody may complain.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { chromium } from 'playwright-core';

/** Whatever a page does, it does it within so many milliseconds, on a machine busy with other tests too. */
export const PATIENCE = 20_000;

const SETTINGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
  // Of a certificate that nobody has vouched for, Chromium takes no service worker, whatever else it forgives.
  '--ignore-certificate-errors',
];
export const PHONE = { width: 390, height: 844 };
export const DESK = { width: 1280, height: 800 };

let shared;

/** A Chromium of one's own. */
export function launch(options) {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: SETTINGS, ...options });
}

/** Starts Chromium before the tests of a file, and ends it after them. */
export function useChromium() {
  before(async () => {
    shared = await launch();
  });
  after(() => shared?.close());
}

/**
 * A browser of somebody's own, with nothing remembered. `complaints` collects errors on the console, exceptions, and
 * violations of the Content-Security-Policy; those that match `expected` are left out.
 */
export async function visitor({ viewport = PHONE, expected = /(?!)/, browser = shared, ...options } = {}) {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true, viewport, locale: 'en-US', reducedMotion: 'no-preference',
    serviceWorkers: 'block', ...options,
  });
  context.setDefaultTimeout(PATIENCE);
  const complaints = [];
  const note = (text) => expected.test(text) || complaints.push(text);
  context.on('page', (page) => {
    page.on('console', (message) => message.type() === 'error' && note(message.text()));
    page.on('pageerror', (error) => note(String(error.stack ?? error)));
  });
  return { context, complaints, page: await context.newPage() };
}

/** Nothing was on the console that should not be. */
export function assertQuiet({ complaints }) {
  assert.deepEqual(complaints, []);
}

/** A connection that is refused is written to the console by Chromium itself. */
export const CONNECTION_ERRORS = /WebSocket connection to|net::ERR_|Failed to load resource/;
