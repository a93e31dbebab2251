// The Mini Program as it is in the repository, compiled and run by Tencent's component framework in Chromium, on the real
// server over TLS.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startRelay } from '../clients/relay.mjs';
import { PHONE, assertQuiet, useChromium } from './chromium.mjs';
import { compile } from './devtools/compile.mjs';
import { format } from './devtools/places.mjs';
import { AT_ONCE, PEOPLE, ROBOTS, afterwards, onServer, open as openPage, press, still, text, at as pageAt, hand as pageHand, outcome } from './table.mjs';
import { FOLDER, PRIMARY, at, open } from './wechat.mjs';

useChromium();

/** Neither the console nor the framework has anything to complain about. */
async function assertContent(someone) {
  assertQuiet(someone);
  assert.deepEqual(await someone.page.evaluate(() => window.devtools.problems), []);
}

const hand = (name) => `.hands .hand[aria-label="${name}"]`;
const calls = (page, name) => page.evaluate((wanted) => (
  window.devtools.calls.filter(([called]) => called === wanted).map(([, ...args]) => args)), name);
const name = (page, whose) => page.locator(`.${whose} .name`).textContent();

describe('in WeChat', AT_ONCE, () => {
  test('nothing in it is wrong: WXML, WXSS, JSON, pictures, handlers', () => {
    assert.deepEqual(compile(FOLDER).problems.map(format), []);
  });

  test('two of them play each other, and again', onServer(PEOPLE, async (server) => {
    const [one, two] = [await open(server), await open(server)];
    const meet = async () => {
      await Promise.all([one, two].map(({ page }) => press(page, PRIMARY)));
      await Promise.all([one, two].map(({ page }) => at(page, 'playing')));
      assert.equal(await name(one.page, 'others'), await name(two.page, 'me'));
    };
    await meet();
    await press(one.page, hand('rock'));
    await two.page.locator('.others .hop-odd').waitFor();
    await press(one.page, hand('paper'));
    await two.page.locator('.others .hop-even').waitFor();
    assert.equal(await two.page.locator('.others .shown.hand-secret').count(), 1);
    await press(two.page, hand('rock'));
    await press(two.page, '.face[aria-label="angry"]');
    await one.page.locator('.others [aria-label$=": angry"]').waitFor();
    await Promise.all([at(one.page, 'result'), at(two.page, 'result')]);
    assert.equal(await text(one.page, '.headline'), 'You win!');
    assert.equal(await text(two.page, '.headline'), 'You lose');
    assert.equal(await two.page.locator('.others .hand-paper').count(), 1);
    assert.equal(await text(one.page, '.gained'), '+1');
    await meet();
    await press(one.page, hand('scissors'));
    await press(two.page, hand('paper'));
    await at(one.page, 'result');
    assert.equal(await text(one.page, '.gained'), '+2');
    for (const sense of ['vibrateShort', 'createWebAudioContext']) assert.ok((await calls(one.page, sense)).length > 0, sense);
    await assertContent(one);
    await assertContent(two);
  }));

  test('one of them against the page', onServer(PEOPLE, async (server) => {
    const wechat = await open(server);
    const browser = await openPage(server);
    await press(wechat.page, PRIMARY);
    await at(wechat.page, 'waiting');
    await press(browser.page, '#primary');
    await Promise.all([at(wechat.page, 'playing'), pageAt(browser.page, 'playing')]);
    assert.equal(await name(wechat.page, 'me'), await text(browser.page, '#others .name'));
    assert.equal(await name(wechat.page, 'others'), await text(browser.page, '#me .name'));
    // Each sees the other under the very avatar it has chosen.
    const drawn = await wechat.page.locator('.me .avatar').getAttribute('src');
    assert.match(drawn, /avatars\/\w+\.svg$/);
    const { avatar } = await browser.page.evaluate(() => JSON.parse(localStorage.getItem('wulin')));
    assert.ok((await wechat.page.locator('.others .avatar').getAttribute('src')).endsWith(`/avatars/${avatar}.svg`));
    await press(wechat.page, hand('scissors'));
    await press(browser.page, pageHand('rock'));
    await Promise.all([at(wechat.page, 'result'), pageAt(browser.page, 'result')]);
    assert.equal(await text(wechat.page, '.headline'), 'You lose');
    assert.equal(await outcome(browser.page), 'win');
    await assertContent(wechat);
    assertQuiet(browser);
  }));

  test('alone: a robot, marked as one; and the way out of waiting and of a round', onServer(ROBOTS, async (server) => {
    const someone = await open(server, { locale: 'zh-CN' });
    const { page } = someone;
    assert.equal(await text(page, '.primary'), '开战');
    await press(page, PRIMARY);
    await at(page, 'waiting');
    await press(page, PRIMARY);
    await at(page, 'ready');
    await press(page, PRIMARY);
    await at(page, 'playing');
    assert.equal(await text(page, '.others .robot'), '机器人');
    await press(page, '.leave[aria-disabled="false"]');
    assert.match(await page.getByRole('dialog').textContent(), /算输/);
    await press(page, 'role=dialog >> role=button[name="接着打"]');
    await at(page, 'playing');
    await press(page, '.leave');
    await press(page, 'role=dialog >> role=button[name="离开"]');
    await at(page, 'ready');
    await press(page, PRIMARY);
    await at(page, 'playing');
    await press(page, hand('布'));
    await at(page, 'result');
    assert.equal(await page.locator('.me .hand-paper').count(), 1);
    await assertContent(someone);
  }));

  test('looking away: a moment does not matter, and after a long one it comes back', onServer(ROBOTS, async (server) => {
    const someone = await open(server);
    const { page } = someone;
    await press(page, PRIMARY);
    await at(page, 'playing');
    await press(page, hand('rock'));
    await page.evaluate(() => { window.devtools.hide(); window.devtools.show(); });
    await at(page, 'result');
    assert.equal(await page.locator('.me .hand-rock').count(), 1, 'the round went on');

    await press(page, PRIMARY);
    await at(page, 'playing');
    await page.evaluate(() => window.devtools.hide({ cut: true }));
    await page.evaluate(() => window.devtools.show());
    await page.locator('.link').waitFor({ state: 'detached' });
    await at(page, 'result');
    await press(page, PRIMARY);
    await at(page, 'playing');
    await assertContent(someone);
  }));

  test('the connection is lost and found again, in every state', onServer(ROBOTS, async (server) => {
    const relay = await startRelay(server.url);
    afterwards(() => relay.close());
    const someone = await open({ url: relay.url });
    const { page } = someone;
    const lose = async () => {
      relay.cut();
      await page.locator('.link').waitFor();
      relay.mend();
      await page.locator('.link').waitFor({ state: 'detached' });
    };
    await lose();
    await press(page, PRIMARY);
    await at(page, 'waiting');
    await lose();
    await at(page, 'playing');
    await lose();
    await at(page, 'result');
    await lose();
    await press(page, PRIMARY);
    await at(page, 'playing');
    await assertContent(someone);
  }));

  test('name, avatar and a WeChat picture: asked for where they are used, kept, and shown', onServer(PEOPLE, async (server) => {
    const someone = await open(server, { devtools: { privacyNeeded: true } });
    const { page, sent } = someone;
    const back = () => page.getByRole('button', { name: 'Back' }).click();
    await press(page, '[aria-label="Settings"]');
    await page.getByRole('radio', { name: 'Panda' }).click();
    await page.locator('input.name').fill(' 阿 强  ');
    await page.locator('input.name').blur();
    await page.getByText('Use my WeChat picture').click();
    const dialog = page.getByRole('dialog', { name: 'Your privacy' });
    await dialog.waitFor();
    await dialog.getByText('No', { exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    assert.equal(await page.locator('.picture').count(), 0);
    await page.getByText('Use my WeChat picture').click();
    await dialog.getByText('Agree', { exact: true }).click();
    await page.locator('.picture').waitFor();
    await back();
    assert.equal(await name(page, 'me'), '阿 强');
    assert.doesNotMatch(await page.locator('.me .avatar').getAttribute('src'), /images\/avatars/);
    const hello = JSON.parse(sent.findLast((frame) => frame.includes('"hello"')).slice(2))[1];
    assert.equal(hello.user.uname, '阿 强');
    assert.match(hello.user.uavatar, /\/avatars\/panda\.svg$/, 'others see the drawn one');
    await page.reload();
    await at(page, 'ready');
    assert.equal(await name(page, 'me'), '阿 强');
    await assertContent(someone);
  }));

  test('sound and vibration that are off are neither heard nor felt', onServer(ROBOTS, async (server) => {
    const someone = await open(server);
    const { page } = someone;
    await press(page, '[aria-label="Sound"]');
    await press(page, '[aria-label="Settings"]');
    await page.getByRole('switch', { name: 'Vibration' }).click();
    assert.equal(await page.getByRole('switch', { name: 'Sound' }).getAttribute('aria-checked'), 'false');
    await page.getByRole('button', { name: 'Back' }).click();
    await press(page, PRIMARY);
    await at(page, 'playing');
    await press(page, hand('rock'));
    await at(page, 'result');
    for (const sense of ['vibrateShort', 'createWebAudioContext']) assert.deepEqual(await calls(page, sense), [], sense);
    await assertContent(someone);
  }));

  test('a nickname that WeChat refuses is not kept', onServer({}, async (server) => {
    const someone = await open(server, { devtools: { review: { pass: false, timeout: false } } });
    const { page } = someone;
    await press(page, '[aria-label="Settings"]');
    await page.locator('input.name').fill('something bad');
    await page.locator('input.name').blur();
    await page.locator('.problem').waitFor();
    await page.getByRole('button', { name: 'Back' }).click();
    assert.notEqual(await name(page, 'me'), 'something ba');
    await assertContent(someone);
  }));

  test('the place: only when wanted, only coarse, and a denial is no dead end', onServer({}, async (server) => {
    const somewhere = { latitude: 31.230416, longitude: 121.473701 };
    const someone = await open(server, { devtools: { location: somewhere } });
    const { page, sent } = someone;
    assert.ok(!sent.join().includes('cordinate'));
    assert.equal((await calls(page, 'getFuzzyLocation')).length, 0);
    const near = page.getByRole('switch', { name: 'People nearby first' });
    await page.getByText('People nearby first').click();
    await near.click();
    await page.waitForFunction(() => window.devtools.calls.some(([called]) => called === 'getFuzzyLocation'));
    await page.getByRole('button', { name: 'Back' }).click();
    await page.locator('.online').filter({ hasText: 'near' }).waitFor();
    assert.ok(sent.at(-1).includes('"cordinate":{"lat":31.23,"lng":121.47}'), sent.at(-1));

    await page.evaluate(() => { window.devtools.location = { errMsg: 'getFuzzyLocation:fail auth deny' }; });
    await page.getByText('People nearby first').click();
    assert.equal(await near.getAttribute('aria-checked'), 'true');
    await near.click();
    await near.click();
    await page.locator('.problem').waitFor();
    await page.getByText('Open the permissions').click();
    assert.equal((await calls(page, 'openSetting')).length, 1);
    assert.ok(!sent.at(-1).includes('cordinate'));
    await assertContent(someone);
  }));

  // What navigation and status bar leave of some phones, from the smallest to the largest.
  for (const [width, height] of [[320, 504], [375, 603], [360, 700], [390, 753], [412, 780], [430, 840]]) {
    test(`${width} × ${height}: all of it is in view`, onServer(ROBOTS, async (server) => {
      const someone = await open(server, { viewport: { width, height: height + 64 } });
      const { page } = someone;
      const inView = async (where) => {
        await still(page);
        const hidden = await page.locator('.devtools-page').evaluate(({ scrollHeight, clientHeight }) => scrollHeight - clientHeight);
        assert.equal(hidden, 0, where);
      };
      await inView('ready');
      await press(page, PRIMARY);
      await at(page, 'waiting');
      await inView('waiting');
      await at(page, 'playing');
      await press(page, hand('rock'));
      await inView('playing');
      await at(page, 'result');
      await page.locator(PRIMARY).waitFor();
      await inView('result');
      await assertContent(someone);
    }));
  }

  test('it can be shared', onServer({}, async (server) => {
    const someone = await open(server, { viewport: PHONE });
    await someone.page.evaluate(() => window.devtools.share());
    const [shared] = await someone.page.evaluate(() => window.devtools.shares);
    assert.match(JSON.stringify(shared), /with me in Wulin/);
    assert.match(JSON.stringify(shared), /\/pages\/index\/index/);
    await assertContent(someone);
  }));
});
