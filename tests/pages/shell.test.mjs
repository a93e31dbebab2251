// What surrounds the game: icons, what a shared link shows, the app on the home screen, and the page without a server.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { startServer } from '../clients/server.mjs';
import { pictures } from '../../web/draw.mjs';
import { CONNECTION_ERRORS, assertQuiet, useChromium } from './chromium.mjs';
import { AT_ONCE, afterwards, at, guest, hand, onServer, open, press, text } from './table.mjs';

useChromium();

/** Width and height of a PNG. */
const size = (png) => [png.readUInt32BE(16), png.readUInt32BE(20)];
const isPng = (bytes) => bytes.subarray(1, 4).toString() === 'PNG';

/** Gets a path of the server. */
async function fetched({ context }, url) {
  const answer = await context.request.get(url);
  return { status: answer.status(), type: answer.headers()['content-type'], body: await answer.body() };
}

describe('the shell', AT_ONCE, () => {
  test('has every icon there is, of the size it says', onServer({}, async (server) => {
    const someone = await open(server);
    const { page } = someone;
    const manifest = JSON.parse((await fetched(someone, `${server.url}/manifest.webmanifest`)).body);
    assert.equal(manifest.display, 'standalone');
    assert.ok(manifest.icons.some(({ purpose }) => purpose === 'maskable'));
    for (const wanted of ['192x192', '512x512']) assert.ok(manifest.icons.some(({ sizes, type }) => sizes === wanted && type === 'image/png'), wanted);
    for (const { src, sizes, type } of manifest.icons) {
      const icon = await fetched(someone, server.url + src);
      assert.deepEqual([icon.status, icon.type], [200, type], src);
      if (type === 'image/png') assert.equal(size(icon.body).join('x'), sizes);
    }
    const apple = await page.locator('link[rel="apple-touch-icon"]').getAttribute('href');
    assert.deepEqual(size((await fetched(someone, server.url + apple)).body), [180, 180]);

    const favicon = await fetched(someone, `${server.url}/favicon.ico`);
    assert.deepEqual([favicon.status, favicon.type], [200, 'image/x-icon']);
    assert.deepEqual([favicon.body.readUInt16LE(0), favicon.body.readUInt16LE(2), favicon.body.readUInt16LE(4)], [0, 1, 3]);
    for (const i of [0, 1, 2]) {
      const entry = favicon.body.subarray(6 + 16 * i);
      const png = favicon.body.subarray(entry.readUInt32LE(12), entry.readUInt32LE(12) + entry.readUInt32LE(8));
      assert.ok(isPng(png));
      assert.deepEqual(size(png), [entry[0], entry[1]]);
    }
    for (const light of ['light', 'dark']) {
      assert.match(await page.locator(`meta[name="theme-color"][media*="${light}"]`).getAttribute('content'), /^#/);
    }
    assert.match(String((await fetched(someone, `${server.url}/robots.txt`)).body), /^User-agent: \*\n(Allow: \/|Disallow:)\n$/);
  }));

  test('shows a picture and words where a link is shared', onServer({}, async (server) => {
    const someone = await open(server);
    const said = async (attribute, name) => someone.page.locator(`meta[${attribute}="${name}"]`).getAttribute('content');
    for (const name of ['og:type', 'og:title', 'og:description', 'og:image:alt']) assert.ok(await said('property', name), name);
    for (const name of ['twitter:title', 'twitter:description', 'twitter:image:alt']) assert.ok(await said('name', name), name);
    assert.equal(await said('name', 'twitter:card'), 'summary_large_image');
    for (const picture of [await said('property', 'og:image'), await said('name', 'twitter:image')]) {
      const { status, type, body } = await fetched(someone, new URL(picture, server.url).href);
      assert.deepEqual([status, type], [200, 'image/png']);
      assert.deepEqual(size(body).map(String), [await said('property', 'og:image:width'), await said('property', 'og:image:height')]);
    }
  }));

  test('says 404 of what is missing, and not with a page', onServer({}, async (server) => {
    const someone = await guest();
    for (const path of ['/assets/page-GONE.js', '/assets/', '/avatars/dragon.svg', '/anything']) {
      const { status, type } = await fetched(someone, server.url + path);
      assert.equal(status, 404, path);
      assert.doesNotMatch(String(type), /html/, path);
    }
  }));

  test('is drawn from the drawings that are in the repository', onServer({}, async () => {
    const { page, context } = await guest();
    const drawn = await pictures(context.browser());
    const kept = async (name) => readFile(new URL(`../../web/pictures/${name}`, import.meta.url));
    // The card has words, which another font draws otherwise; the icons have none.
    for (const name of ['icon-192.png', 'icon-512.png', 'maskable-512.png', 'apple-touch-icon.png']) {
      const apart = await page.evaluate(async ([a, b]) => {
        const pixels = await Promise.all([a, b].map(async (data) => {
          const image = new Image();
          image.src = `data:image/png;base64,${data}`;
          await image.decode();
          const canvas = new OffscreenCanvas(image.width, image.height);
          const context = canvas.getContext('2d');
          context.drawImage(image, 0, 0);
          return context.getImageData(0, 0, image.width, image.height).data;
        }));
        if (pixels[0].length !== pixels[1].length) return 255;
        return pixels[0].reduce((sum, value, i) => sum + Math.abs(value - pixels[1][i]), 0) / pixels[0].length;
      }, [drawn.get(name).toString('base64'), (await kept(name)).toString('base64')]);
      assert.ok(apart < 1, `${name} is ${apart} apart from its drawing: npm run draw`);
    }
  }));
});

describe('without a server', AT_ONCE, () => {
  const allowed = { serviceWorkers: 'allow', expected: CONNECTION_ERRORS };
  const controlled = (page) => page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));

  test('a page that has been there says so honestly, and goes back by itself', onServer({}, async (server) => {
    const { page } = await open(server, allowed);
    await controlled(page);
    const { port } = new URL(server.url);
    await server.stop();
    const answer = await page.reload();
    assert.equal(answer.status(), 503);
    assert.match(await text(page, 'h1'), /No connection/);
    assert.equal(await page.locator('#app').count(), 0, 'a game that cannot be played is not shown');
    assert.equal(await page.evaluate(() => getComputedStyle(document.body).display), 'grid', 'its style is let through');
    const next = await startServer({ port });
    afterwards(() => next.stop());
    await page.evaluate(() => dispatchEvent(new Event('online')));
    await at(page, 'ready');
  }));

  test('in Chinese as well', onServer({}, async (server) => {
    const { page } = await open(server, { ...allowed, locale: 'zh-CN' });
    await controlled(page);
    await server.stop();
    await page.reload();
    assert.equal(await text(page, 'h1'), '没有连接');
  }));

  test('nothing of it is kept, so no page is older than the server it comes from', onServer({}, async (server) => {
    const someone = await open(server, allowed);
    const { page } = someone;
    await controlled(page);
    const kept = await page.evaluate(async () => {
      const found = [];
      for (const name of await caches.keys()) for (const { url } of await (await caches.open(name)).keys()) found.push(new URL(url).pathname);
      return found;
    });
    assert.deepEqual(kept, ['/offline.html']);
    assert.equal(await page.evaluate(async () => (await fetch('/assets/page-GONE.js')).status), 404);
    const missing = await page.goto(`${server.url}/gone`);
    assert.equal(missing.status(), 404, 'what the server says is passed on');
  }));
});

describe('a newer release', AT_ONCE, () => {
  /** Another release of the page comes from the server from now on, or after `loads` documents. */
  async function releases(page, names) {
    let loads = 0;
    await page.route((url) => url.pathname === '/', async (route) => {
      const isDocument = route.request().resourceType() === 'document';
      if (isDocument) loads += 1;
      const answer = await route.fetch();
      const html = await answer.text();
      const name = names();
      await route.fulfill({ response: answer, body: name ? html.replace('</head>', `<link rel="prefetch" href="/assets/${name}"></head>`) : html });
    });
    return () => loads;
  }
  const reconnect = async (page) => {
    await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pagehide')));
    await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
  };
  const online = (page) => page.locator('#online').filter({ hasText: 'online' }).waitFor();

  test('is loaded once the page meets it; not twice, even where two servers differ', onServer({}, async (server) => {
    const someone = await guest({ expected: CONNECTION_ERRORS });
    const { page } = someone;
    let release = '';
    const loads = await releases(page, () => release);
    await page.goto(server.url);
    await at(page, 'ready');
    await online(page);
    release = 'page-NEXT.js';
    const loaded = page.waitForEvent('load');
    await reconnect(page);
    await loaded;
    await online(page);
    assert.equal(loads(), 2);
    // To and fro between two releases: each is tried once.
    for (const name of ['', 'page-NEXT.js', '', 'page-NEXT.js']) {
      release = name;
      const looked = page.waitForResponse((answer) => new URL(answer.url()).pathname === '/' && answer.request().resourceType() === 'fetch');
      await reconnect(page);
      await looked;
      await online(page);
    }
    assert.ok(loads() <= 3, `${loads()} loads`);
    assertQuiet(someone);
  }));

  test('waits for the end of a round, and the next one is not lost by it', onServer({ 'game-time': '3s', 'robot-wait': '500ms' }, async (server) => {
    const someone = await guest({ expected: CONNECTION_ERRORS });
    const { page } = someone;
    let release = '';
    const loads = await releases(page, () => release);
    await page.goto(server.url);
    await at(page, 'ready');
    await press(page, '#primary');
    await at(page, 'result');
    release = 'page-NEXT.js';
    const looked = page.waitForResponse((answer) => new URL(answer.url()).pathname === '/' && answer.request().resourceType() === 'fetch');
    await reconnect(page);
    await looked;
    assert.equal(loads(), 1, 'the result is not taken away');
    await press(page, '#primary[aria-disabled="false"]');
    await at(page, 'playing');
    assert.equal(loads(), 2);
    await press(page, hand('rock'));
    assertQuiet(someone);
  }));
});
