// The page in Chromium, against the real server over TLS: people play, keyboards do, and nobody complains.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { client } from '../clients/clients/index.mjs';
import { Player } from '../clients/player.mjs';
import { DESK, assertQuiet, useChromium } from './chromium.mjs';
import { AT_ONCE, PEOPLE, ROBOTS, Table, at, guest, hand, leave, onServer, open, outcome, press, text } from './table.mjs';

useChromium();

describe('playing', AT_ONCE, () => {
  test('two pages play each other, see the other move, and the hands only at the end', onServer(PEOPLE, async (server) => {
    const table = new Table(await open(server), await open(server));
    const { one, two } = table;
    await table.meet();
    assert.equal(await text(one, '#others .name'), await text(two, '#me .name'));
    assert.equal(await text(one, '#others .robot'), '', 'a person is not marked as a robot');

    await press(one, hand('rock'));
    await two.locator('#others .card[data-hop="odd"]').waitFor();
    await press(one, hand('paper'));
    await two.locator('#others .card[data-hop="even"]').waitFor();
    assert.equal(await two.locator('#others .card').getAttribute('data-hand'), 'secret');
    assert.equal(await one.locator('#me .card').getAttribute('data-hand'), 'paper');
    await press(two, hand('rock'));

    await press(two, '.face >> nth=1');
    await one.locator('#others .pulled[alt*="crying"]').waitFor();

    await Promise.all([at(one, 'result'), at(two, 'result')]);
    assert.equal(await outcome(one), 'win');
    assert.equal(await outcome(two), 'lose');
    assert.equal(await two.locator('#others .shown').getAttribute('alt'), 'paper');
    assert.equal(await one.locator('#others .shown').getAttribute('alt'), 'rock');
    assert.equal(await text(one, '#gained'), '+1');
    assert.match(await text(two, '#announcement'), /You lose\. You: rock\. .*: paper\. Paper wraps rock\./);

    // Again: the same two meet, and a second win is a streak.
    await table.meet();
    await press(one, hand('scissors'));
    await press(two, hand('paper'));
    await Promise.all([at(one, 'result'), at(two, 'result')]);
    assert.equal(await text(one, '#gained'), '+2');
    assert.match(await text(one, '#detail'), /2 wins in a row!/);
    assert.equal(await text(one, '#me .score'), 'Score 3');
    table.assertQuiet();
  }));

  test('one tap after opening the address, whoever is alone meets a robot that is marked as one', onServer({}, async (server) => {
    const someone = await open(server);
    const { page } = someone;
    await press(page, '#primary');
    await at(page, 'playing');
    assert.equal(await text(page, '#others .robot'), 'Robot');
    assert.match(await text(page, '#others .name'), /^(Wooden|Bronze) Man [1-4]$/);
    await press(page, hand('rock'));
    await page.locator('#others .card[data-hop]:not([data-hop=""])').waitFor();
    await at(page, 'result');
    assertQuiet(someone);
  }));

  test('a page plays a Socket.IO client', onServer(PEOPLE, async (server) => {
    const someone = await open(server);
    const { page } = someone;
    const other = new Player(client('socket.io-client 4'));
    try {
      await other.connect(server);
      await other.hello();
      await press(page, '#primary');
      await other.join();
      await Promise.all([other.next('start'), at(page, 'playing')]);
      assert.equal(await text(page, '#others .name'), other.profile.user.uname);
      other.choose(1);
      await press(page, hand('rock'));
      await other.next('movement');
      await at(page, 'result');
      assert.equal(await outcome(page), 'win');
      assert.equal(await page.locator('#others img.avatar').getAttribute('src').then((src) => src.startsWith('data:')), true,
        'a picture from elsewhere is not fetched');
    } finally {
      other.client.close();
    }
    assertQuiet(someone);
  }));

  test('keyboard only: tab, enter, 1 to 3, enter', onServer({ ...ROBOTS, 'robot-wait': '2s', 'game-time': '30s' }, async (server) => {
    const someone = await open(server, { viewport: DESK });
    const { page } = someone;
    await page.keyboard.press('Enter');
    await at(page, 'waiting');
    await at(page, 'playing');
    // The focus has come to the hands, but to none of them: an Enter that was meant for Cancel neither chooses nor locks one.
    await page.keyboard.press('Enter');
    assert.equal(await page.locator('.hand[aria-pressed="true"]').count(), 0);
    await page.keyboard.press('3');
    assert.equal(await page.locator(hand('paper')).getAttribute('aria-pressed'), 'true');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    assert.equal(await page.locator(hand('rock')).getAttribute('aria-pressed'), 'true');
    // Enter locks what was chosen last, by whatever key.
    await page.keyboard.press('3');
    await page.keyboard.press('Enter');
    // Nobody else is waited for: the round is over, long before its time.
    await at(page, 'result');
    assert.equal(await page.locator('#me .shown').getAttribute('alt'), 'paper');
    const settled = () => page.locator('#primary:focus[aria-disabled="false"]').waitFor();
    await settled();
    await page.keyboard.press('Enter');
    await at(page, 'waiting');
    await settled();
    await page.keyboard.press('Enter');
    await at(page, 'ready');
    assertQuiet(someone);
  }));

  test('whoever hammers on the hands still shows the last one', onServer({ ...ROBOTS, 'messages-per-second': 5 }, async (server) => {
    const someone = await open(server);
    const { page } = someone;
    await press(page, '#primary');
    await at(page, 'playing');
    for (const key of '1231231231231231231') await page.keyboard.press(key);
    await page.keyboard.press('2');
    await at(page, 'result');
    assert.equal(await page.locator('#me .shown').getAttribute('alt'), 'rock');
    assertQuiet(someone);
  }));

  test('three at a table', onServer({ ...ROBOTS, seats: 3 }, async (server) => {
    const someone = await open(server);
    const { page } = someone;
    await press(page, '#primary');
    await at(page, 'playing');
    assert.equal(await page.locator('#others .card').count(), 2);
    await press(page, hand('rock'));
    await at(page, 'result');
    for (const shown of await page.locator('#others .shown').all()) assert.ok(await shown.getAttribute('alt'));
    assertQuiet(someone);
  }));

  test('leaving a round leads back to the beginning, and the other is told', onServer(PEOPLE, async (server) => {
    const table = new Table(await open(server), await open(server));
    const { one, two } = table;
    await table.meet();
    await leave(one);
    await at(one, 'ready');
    // There is nobody to wait for any more.
    await at(two, 'result');
    assert.equal(await outcome(two), 'win');
    assert.match(await text(two, '#detail'), /left/);
    table.assertQuiet();
  }));
});

describe('who one is', AT_ONCE, () => {
  test('name and avatar are made up, changed, shown to the other, and remembered', onServer(PEOPLE, async (server) => {
    const table = new Table(await open(server), await open(server));
    const { one, two } = table;
    assert.notEqual(await text(one, '#me .name'), '');
    await press(one, '#open-settings');
    await one.locator('#name').fill('  <i>阿 强</i>  🀄  and more ');
    await press(one, '#avatars input[value="panda"]');
    await press(one, '#close-settings');
    const name = '<i>阿 强</i> 🀄';
    // A dialog says that it has closed a little later.
    await one.locator('#me .name').filter({ hasText: name }).waitFor();
    await one.reload();
    await at(one, 'ready');
    assert.equal(await text(one, '#me .name'), name);
    await table.meet();
    assert.equal(await text(two, '#others .name'), name);
    const avatar = (page, where) => page.locator(`${where} img.avatar`).getAttribute('src');
    assert.equal(await avatar(two, '#others'), await avatar(one, '#me'));
    table.assertQuiet();
  }));

  test('the settings open without a keyboard over them, and where one wants to be', onServer({}, async (server) => {
    const someone = await open(server, { viewport: { width: 320, height: 568 } });
    const { page } = someone;
    const focused = () => page.evaluate(() => document.activeElement.id);
    await press(page, '#open-settings');
    assert.equal(await focused(), 'settings-title');
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'name');
    await page.keyboard.press('Escape');
    await press(page, '#near-open');
    assert.equal(await focused(), 'near');
    const { y, height } = await page.locator('#near').boundingBox();
    assert.ok(y >= 0 && y + height <= 568, `the switch is at ${y}`);
    assertQuiet(someone);
  }));

  test('a robot\'s name is refused in words, and one goes on under another', onServer(ROBOTS, async (server) => {
    const someone = await open(server);
    const { page } = someone;
    await press(page, '#open-settings');
    await page.locator('#name').fill('木人·甲');
    await press(page, '#close-settings');
    await page.locator('#note').waitFor();
    assert.match(await text(page, '#note'), /cannot be used/);
    assert.notEqual(await text(page, '#me .name'), '木人·甲');
    await press(page, '#primary');
    await at(page, 'playing');
    assertQuiet(someone);
  }));

  test('the score comes back with the page', onServer(PEOPLE, async (server) => {
    const table = new Table(await open(server), await open(server));
    const { one, two } = table;
    await table.meet();
    await press(one, hand('rock'));
    await at(one, 'result');
    await one.reload();
    await at(one, 'ready');
    assert.equal(await text(one, '#me .score'), 'Score 1');
    await at(two, 'result');
    await table.meet();
    assert.equal(await text(one, '#me .score'), 'Score 1');
    assert.equal(await text(two, '#others .score'), 'Score 1');
    table.assertQuiet();
  }));

  test('a second window takes over, and either can have the player back', onServer(ROBOTS, async (server) => {
    const someone = await open(server);
    const { page: first, context } = someone;
    const second = await context.newPage();
    await second.goto(server.url);
    await at(second, 'ready');
    await at(first, 'replaced');
    await press(first, '#primary');
    await at(first, 'ready');
    await at(second, 'replaced');
    await press(first, '#primary');
    await at(first, 'result');
    assertQuiet(someone);
  }));

  test('speaks Chinese where the browser does', onServer({}, async (server) => {
    const someone = await open(server, { locale: 'zh-CN' });
    const { page } = someone;
    assert.equal(await page.locator('html').getAttribute('lang'), 'zh-CN');
    assert.equal(await text(page, '#primary'), '开战');
    assertQuiet(someone);
  }));

  test('sound is muted at once and stays so', onServer({}, async (server) => {
    const { page } = await open(server);
    await press(page, '#mute');
    await page.reload();
    await at(page, 'ready');
    assert.equal(await page.locator('#mute').getAttribute('aria-pressed'), 'false');
  }));
});

describe('sound and vibration', AT_ONCE, () => {
  /** Counts the notes a page plays and the times it shakes the phone. */
  const listen = (page) => page.addInitScript(() => {
    window.felt = { notes: 0, pulses: 0 };
    const { createOscillator } = AudioContext.prototype;
    AudioContext.prototype.createOscillator = function count() {
      window.felt.notes += 1;
      return createOscillator.call(this);
    };
    navigator.vibrate = () => (window.felt.pulses += 1) > 0;
  });

  for (const muted of [false, true]) {
    test(muted ? 'that are off are neither heard nor felt' : 'tell of a round', onServer(ROBOTS, async (server) => {
      const someone = await open(server, { prepare: listen });
      const { page } = someone;
      if (muted) {
        await press(page, '#mute');
        await press(page, '#open-settings');
        await page.locator('#vibration').uncheck();
        await press(page, '#close-settings');
      }
      await press(page, '#primary');
      await at(page, 'playing');
      await press(page, hand('rock'));
      await at(page, 'result');
      const { notes, pulses } = await page.evaluate(() => window.felt);
      assert.equal(notes > 0, !muted, `${notes} notes`);
      assert.equal(pulses > 0, !muted, `${pulses} pulses`);
      assertQuiet(someone);
    }));
  }
});

describe('the place', AT_ONCE, () => {
  const PRECISE = { latitude: 31.230416, longitude: 121.473701 };

  test('is asked for only when wanted, and leaves the device only coarse', onServer({}, async (server) => {
    const someone = await open(server, { geolocation: PRECISE, permissions: ['geolocation'] });
    const { page, sent } = someone;
    assert.ok(sent.length > 0);
    assert.ok(!sent.join().includes('cordinate'));
    await press(page, '#near-open');
    assert.match(await text(page, '#near-detail'), /about 1 km/);
    await page.locator('#near').check();
    await page.waitForFunction(() => document.querySelector('#online').textContent.includes('near'));
    const hello = JSON.parse(sent.at(-1));
    assert.deepEqual(hello.data.cordinate, { lat: 31.23, lng: 121.47 });
    await page.locator('#near').uncheck();
    await page.waitForFunction(() => document.querySelector('#online').textContent.includes('online'));
    assert.equal(JSON.parse(sent.at(-1)).data.cordinate, undefined);
    assertQuiet(someone);
  }));

  test('that is denied is no dead end', onServer({}, async (server) => {
    const someone = await open(server, { permissions: [] });
    const { page } = someone;
    await press(page, '#near-open');
    await page.locator('#near').click();
    await page.locator('#near-problem').waitFor();
    assert.equal(await page.locator('#near').isChecked(), false);
    await press(page, '#close-settings');
    await press(page, '#primary');
    await at(page, 'waiting');
    assertQuiet(someone);
  }));
});

describe('the first visit', AT_ONCE, () => {
  test('is under 40 KB over the wire, in few requests, all to the server itself', onServer({}, async (server) => {
    const someone = await guest();
    const { page, context } = someone;
    const devtools = await context.newCDPSession(page);
    await devtools.send('Network.enable');
    const asked = [];
    let bytes = 0;
    devtools.on('Network.requestWillBeSent', ({ request }) => asked.push(request.url));
    devtools.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
    await page.goto(server.url, { waitUntil: 'networkidle' });
    await at(page, 'ready');
    const fetched = asked.filter((url) => !url.startsWith('data:'));
    assert.ok(fetched.every((url) => url.startsWith(server.url)), fetched.join());
    assert.ok(fetched.length <= 6, fetched.join());
    assert.ok(bytes > 10_000 && bytes < 40_000, `${bytes} bytes`);
    assertQuiet(someone);
  }));

  test('leads into a round within ten seconds', onServer({ 'robot-wait': '1s', 'game-time': '5s' }, async (server) => {
    const someone = await guest();
    const { page } = someone;
    const opened = Date.now();
    await page.goto(server.url);
    await press(page, '#primary');
    await press(page, hand('rock'));
    await page.locator(`${hand('rock')}[aria-pressed="true"]`).waitFor();
    const took = Date.now() - opened;
    assert.ok(took < 10_000, `${took} ms`);
    assertQuiet(someone);
  }));

  test('what is not the page\'s own does not run in it', onServer({}, async (server) => {
    const someone = await open(server, { expected: /Content Security Policy/ });
    const { page } = someone;
    const refused = await page.evaluate(() => new Promise((resolve) => {
      const found = [];
      document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => {
        found.push(effectiveDirective);
        if (found.length === 4) resolve(found.sort());
      });
      const script = document.createElement('script');
      script.textContent = 'window.stranger = true';
      const style = document.createElement('style');
      style.textContent = 'body { display: none }';
      const image = document.createElement('img');
      image.src = 'https://elsewhere.example/picture.png';
      document.body.append(script, style, image);
      fetch('https://elsewhere.example/').catch(() => {});
    }));
    assert.deepEqual(refused, ['connect-src', 'img-src', 'script-src-elem', 'style-src-elem']);
    assert.equal(await page.evaluate(() => window.stranger), undefined);
  }));
});
