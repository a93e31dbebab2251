// The harness itself: that a Mini Program lives in it as in WeChat, and that what is broken is reported.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { PATIENCE, assertQuiet, useChromium, visitor } from '../chromium.mjs';
import { compile } from './compile.mjs';
import { format } from './places.mjs';
import { serve } from './serve.mjs';

const FIXTURE = fileURLToPath(new URL('fixture', import.meta.url));
const problems = (overrides) => compile(FIXTURE, { overrides }).problems.map(format);

describe('what is reported before anything runs', () => {
  test('nothing, where nothing is wrong', () => assert.deepEqual(problems({}), []));

  for (const [what, overrides, expected] of [
    ['a tag that is not closed', { 'pages/other/other.wxml': '<view>\n<text>' }, /^pages\/other\/other\.wxml:2:\d+: missing end tag$/],
    ['a broken expression', { 'pages/other/other.wxml': '<view>{{ a + }}</view>' }, /other\.wxml:1:\d+: unexpected character/],
    ['a tag that nobody knows', { 'pages/other/other.wxml': '<view>\n  <divv />\n</view>' }, /^pages\/other\/other\.wxml:2:4: <divv> is neither/],
    ['a picture that is not there', { 'pages/other/other.wxml': '<image src="/images/y.svg" />' }, /other\.wxml:1:\d+: no picture at \/images\/y\.svg/],
    ['a handler without a method', { 'pages/other/other.wxml': '<view bindtap="onNothing" />' }, /other\.wxml:1:\d+: no method onNothing for bindtap/],
    ['a broken style sheet', { 'pages/index/index.wxss': '.a {\n  color red;\n}' }, /^pages\/index\/index\.wxss:2:\d+: Expected ":"/],
    ['a local file in a style sheet', { 'pages/index/index.wxss': '.a { background: url(/images/x.svg); }' }, /index\.wxss:1:\d+: WeChat takes no local file/],
    ['a style sheet that is not there', { 'app.wxss': '@import "./gone.wxss";' }, /app\.wxss:1:1: no style sheet at \.\/gone\.wxss/],
    ['a component that selects by tag', { 'components/player/player.wxss': '.name text { top: 0; }' }, /player\.wxss:1:1: a component may only select by class/],
    ['a component that is not there', { 'pages/index/index.json': '{ "usingComponents": { "player": "/gone" } }' }, /index\.json:1:\d+: no component at \/gone/],
    ['a page that is not there', { 'app.json': '{ "pages": ["pages/gone/gone"] }' }, /pages\/gone\/gone\.js:1:1: missing/],
    ['JSON that is none', { 'theme.json': '{\n  "light": oops }' }, /^theme\.json:2:\d+: Unexpected token/],
    ['a colour that the theme has not', { 'theme.json': '{ "light": { "paper": "#fff", "bar": "black" }, "dark": { "bar": "white" } }' }, /app\.json:\d+:\d+: no @paper for dark/],
    ['a module that is not there', { 'count.js': "require('./gone');" }, /count\.js:1:\d+: no module at \.\/gone/],
    ['a script that is none', { 'count.js': 'let = ;' }, /count\.js:1:\d+: /],
  ]) {
    test(what, () => assert.ok(problems(overrides).some((problem) => expected.test(problem)), problems(overrides).join('\n')));
  }
});

describe('a Mini Program that runs', () => {
  useChromium();

  let server;
  let peer;
  let page;
  let guest;
  const text = (selector) => page.locator(selector).textContent();
  const shows = (selector, expected) => page.locator(selector).filter({ hasText: expected }).waitFor();
  const tap = (name) => page.getByRole('button', { name, exact: true }).click();
  const style = (selector, name) => page.locator(selector).first().evaluate((element, property) => getComputedStyle(element)[property], name);
  const inProgram = (script) => page.evaluate(script);

  before(async () => {
    peer = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(peer, 'listening');
    peer.on('connection', (socket) => socket.on('message', (data) => socket.send(`${data} pong`)));
    const config = `module.exports = { domain: '127.0.0.1:${peer.address().port}' };`;
    server = await serve(compile(FIXTURE, { overrides: { 'config.js': config } }));
  });
  after(async () => {
    await server.close();
    peer.close();
  });

  async function launch(options = {}, address = '') {
    await guest?.context.close();
    guest = await visitor({ expected: /is not in this harness|status of 404/, ...options });
    page = guest.page;
    await page.goto(server.url + address);
    await page.locator('page').first().waitFor();
  }
  beforeEach(() => launch());
  afterEach(() => assertQuiet(guest));
  after(() => guest.context.close());

  test('starts on its first page without a complaint', async () => {
    assert.equal(await text('.count'), '0');
    assert.equal(await page.getByRole('heading').textContent(), 'Toy');
    assert.deepEqual(await inProgram(() => devtools.problems), []);
  });

  test('a tap changes text, classes and conditions, and brings its dataset', async () => {
    assert.ok(await page.locator('.few').isVisible());
    await tap('Count');
    assert.equal(await text('.count.big'), '1');
    assert.ok(!await page.locator('.few').isVisible());
    await tap('Count');
    await shows('.many', 'many');
    assert.equal(await page.locator('.few').count(), 0);
  });

  test('a button is one for the keyboard too, and a disabled one does nothing', async () => {
    await page.getByRole('button', { name: 'Count' }).focus();
    await page.keyboard.press('Enter');
    await shows('.count', '1');
    await page.getByRole('button', { name: 'Never' }).click({ force: true });
    assert.equal(await text('.count'), '1');
  });

  test('lists grow, with what a WXS module makes of them', async () => {
    await tap('More');
    assert.deepEqual(await page.locator('.item').allTextContents(), ['0A', '1B', '2C']);
  });

  test('rpx, page and tag selectors, imports and inline styles', async () => {
    assert.equal(await style('.count', 'height'), '39px');
    assert.equal(await style('.count', 'width'), '78px');
    assert.equal(await style('page', 'color'), 'rgb(18, 52, 86)');
    assert.equal(await style('.item', 'color'), 'rgb(0, 128, 0)');
    await page.locator('.heard').evaluate((element) => element.classList.add('red'));
    assert.equal(await style('.heard', 'color'), 'rgb(255, 0, 0)');
  });

  test('a component has properties, observers, a slot, events and styles of its own', async () => {
    await shows('.components-player-player--name', 'Hello Fox.');
    assert.equal(await style('.components-player-player--name', 'color'), 'rgb(18, 52, 86)', 'the .name of app.wxss must not reach into it');
    assert.equal(await style('.components-player-player--name', 'fontSize'), '15.6px');
    assert.equal(await style('player', 'display'), 'block');
    assert.equal(await text('player text'), 'inside');
    await page.getByRole('button', { name: 'Choose Fox' }).click();
    await shows('[role=status]', 'rock of left');
  });

  test('what is typed arrives, a handler may correct it, and it ends at maxlength', async () => {
    await page.getByRole('textbox', { name: 'Name' }).pressSequentially('ab!cdefgh');
    assert.equal(await page.getByRole('textbox', { name: 'Name' }).inputValue(), 'abcde');
    await shows('.typed', 'abcde');
  });

  test('a picture is chosen, kept in a file, and shown', async () => {
    await tap('Picture');
    const shown = page.getByRole('img', { name: 'Mine' });
    await shown.waitFor();
    assert.match(await shown.getAttribute('src'), /^wxfile:\/\/usr\//);
    await page.waitForFunction(() => document.querySelector('.picture img').naturalWidth > 0);
  });

  test('a switch switches', async () => {
    await page.getByRole('switch', { name: 'Sound' }).click();
    await shows('.sound', 'loud');
    assert.equal(await page.getByRole('switch').getAttribute('aria-checked'), 'true');
  });

  test('sharing is recorded with the answer of the page', async () => {
    await tap('Share');
    assert.deepEqual(await inProgram(() => devtools.shares), [{ title: 'Come, says the button', path: '/pages/index/index?room=7' }]);
  });

  test('pages are opened with a query, have a title, and lead back', async () => {
    await tap('Go');
    await shows('.from', 'here&now 2');
    assert.equal(await page.getByRole('heading').textContent(), 'Other');
    assert.ok(!await page.locator('.count').isVisible());
    await tap('Back');
    await page.locator('.count').waitFor();
    assert.equal(await page.locator('.from').count(), 0);
    assert.equal(await page.getByRole('heading').textContent(), 'Toy');
  });

  test('lifecycles are told in their order', async () => {
    await launch({}, '#/pages/index/index?room=7');
    await page.waitForFunction(() => devtools.page().steps.includes('ready'));
    await inProgram(() => { devtools.hide(); devtools.show(); });
    assert.deepEqual(await inProgram(() => devtools.page().steps), ['load 7', 'show', 'ready', 'hide', 'show']);
    assert.deepEqual(await inProgram(() => devtools.app().seen), ['launch pages/index/index', 'show', 'hide', 'show']);
  });

  test('storage outlives a reload', async () => {
    await tap('Store');
    await shows('.stored', '1');
    await page.reload();
    assert.deepEqual(await inProgram(() => devtools.wx.getStorageSync('thing')), { deep: [1] });
    assert.equal(await inProgram(() => devtools.wx.getStorageSync('other')), '');
  });

  test('what wx lacks here says so, also to App.onError', async () => {
    await tap('Missing');
    await page.waitForFunction(() => devtools.app().seen.some((line) => line.includes('wx.login is not in this harness')));
  });

  test('answers come as promises or to callbacks, and calls are recorded', async () => {
    await tap('Ask');
    await page.getByRole('dialog').getByRole('button', { name: '确定' }).click();
    await shows('.heard', 'true getFuzzyLocation:fail auth deny');
    assert.deepEqual((await inProgram(() => devtools.calls)).slice(-2), [['showModal', { title: 'Sure?' }], ['getFuzzyLocation', {}]]);
  });

  test('a socket goes to the domain that config.js was given, and can be cut', async () => {
    await tap('Connect');
    await shows('.heard', 'ping pong');
    await inProgram(() => devtools.cutSockets());
    await shows('.heard', 'closed 1006');
  });

  test('the theme and the language of WeChat follow the browser', async () => {
    await launch({ colorScheme: 'dark', locale: 'zh-CN' });
    const bar = () => style('[role=banner]', 'backgroundColor');
    assert.equal(await bar(), 'rgb(17, 34, 51)');
    const { theme, language } = await inProgram(() => devtools.wx.getAppBaseInfo());
    assert.deepEqual({ theme, language }, { theme: 'dark', language: 'zh_CN' });
    // Chromium does not always do as it is told the first time, right after a page has come; it is told until it has.
    const isLight = () => devtools.wx.getAppBaseInfo().theme === 'light' && !document.documentElement.matches('.dark');
    for (const until = Date.now() + PATIENCE; !(await inProgram(isLight));) {
      assert.ok(Date.now() < until, 'the theme does not follow');
      await page.emulateMedia({ colorScheme: 'light' });
      await page.screenshot();
    }
    assert.equal(await bar(), 'rgb(255, 238, 221)');
  });

  test('a handler or a picture that is only found missing while it runs is reported', async () => {
    const broken = await serve(compile(FIXTURE, { overrides: {
      'pages/index/index.wxml': `<view bindtap="{{'onNo' + 'thing'}}" /><image src="/images/{{'y'}}.svg" />`,
    } }));
    await page.goto(broken.url);
    await page.waitForFunction(() => devtools.problems.length === 2);
    assert.deepEqual((await inProgram(() => devtools.problems)).sort(), ['no picture at /images/y.svg', 'pages/index/index has no method onNothing for tap']);
    await broken.close();
  });

  test('a place is told once the privacy contract is agreed to, and not after a refusal', async () => {
    await inProgram(() => {
      Object.assign(devtools, { privacyNeeded: true, location: { latitude: 1, longitude: 2 } });
      devtools.wx.onNeedPrivacyAuthorization((answer) => { devtools.answer = answer; });
    });
    const ask = () => inProgram(() => {
      devtools.told = devtools.wx.getFuzzyLocation().catch((error) => error);
      return new Promise((done) => setTimeout(done, 50));
    });
    await ask();
    await inProgram(() => devtools.answer({ event: 'disagree' }));
    assert.deepEqual(await inProgram(() => devtools.told), { errMsg: 'getFuzzyLocation:fail privacy permission is not authorized' });
    await ask();
    await inProgram(() => devtools.answer({ event: 'agree' }));
    assert.deepEqual(await inProgram(() => devtools.told), { latitude: 1, longitude: 2, errMsg: 'getFuzzyLocation:ok' });
  });

  test('the code sees nothing of the browser', async () => {
    const curious = await serve(compile(FIXTURE, { overrides: {
      'pages/other/other.js': 'Page({ data: { from: typeof window + typeof document + typeof fetch, depth: typeof WebSocket } })',
    } }));
    await page.goto(`${curious.url}#/pages/other/other`);
    await shows('.from', 'undefinedundefinedundefined undefined');
    await curious.close();
  });
});
