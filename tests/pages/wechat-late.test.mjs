// What WeChat does late, twice, in another order, to a page that is gone, or never; and a phone that keeps nothing.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startRelay } from '../clients/relay.mjs';
import { assertQuiet, useChromium } from './chromium.mjs';
import { AT_ONCE, ROBOTS, afterwards, onServer, press, text } from './table.mjs';
import { PRIMARY, at, open } from './wechat.mjs';

useChromium();

async function assertContent(someone) {
  assertQuiet(someone);
  assert.deepEqual(await someone.page.evaluate(() => window.devtools.problems), []);
}

const back = (page) => page.getByRole('button', { name: 'Back' }).click();
const settings = (page) => press(page, '[aria-label="Settings"]');
const field = (page) => page.locator('input.name');
const myName = (page) => text(page, '.me .name');
const named = (page, name) => page.locator('.me .name').getByText(name, { exact: true }).waitFor();
const calls = (page, name) => page.evaluate((wanted) => (
  window.devtools.calls.filter(([called]) => called === wanted).map(([, ...args]) => args)), name);
/** Every name that was said to the server. */
const namesIn = (sent) => sent.flatMap((frame) => /"uname":"([^"]*)"/.exec(frame)?.slice(1) ?? []);
const typeName = async (page, name) => {
  await field(page).fill(name);
  await field(page).blur();
};
/** Waits for the hello on the latest connection. */
const greeted = (page) => page.waitForFunction(() => window.devtools.calls.findLastIndex(([name]) => name === 'connectSocket')
  < window.devtools.calls.findLastIndex(([name, sent]) => name === 'SocketTask.send' && sent.data.includes('"hello"')));
/** The harness answers about a name when a test says `answer(name, pass)`. */
const slowReview = (page) => page.addInitScript(() => {
  const asked = {};
  window.answer = (name, pass) => asked[name].shift()({ pass, timeout: false });
  window.asked = (name) => asked[name]?.length > 0;
  window.devtools.review = (name) => new Promise((done) => { (asked[name] ??= []).push(done); });
});
const answer = async (page, name, pass) => {
  await page.waitForFunction((one) => window.asked(one), name);
  await page.evaluate(([one, good]) => window.answer(one, good), [name, pass]);
};
const openSlow = (server, options) => open(server, { devtools: {}, prepare: slowReview, ...options });

describe('a nickname', AT_ONCE, () => {
  test('is said to nobody before WeChat has passed it, and at once then', onServer({}, async (server) => {
    const someone = await openSlow(server);
    const { page, sent } = someone;
    await settings(page);
    await typeName(page, 'Wu Song');
    await page.getByRole('switch', { name: 'Vibration' }).click();
    await page.waitForFunction(() => window.asked('Wu Song'));
    assert.ok(!namesIn(sent).includes('Wu Song'), sent.join('\n'));
    assert.equal(await field(page).inputValue(), 'Wu Song');
    await answer(page, 'Wu Song', true);
    await back(page);
    await named(page, 'Wu Song');
    assert.equal(namesIn(sent).at(-1), 'Wu Song');
    await assertContent(someone);
  }));

  test('that is refused is never said, and the old one stays: on the screen, on the wire and on the phone', onServer({}, async (server) => {
    const someone = await openSlow(server);
    const { page, sent } = someone;
    const old = await myName(page);
    await settings(page);
    await typeName(page, 'bad');
    await answer(page, 'bad', false);
    await page.locator('.problem').filter({ hasText: 'bad' }).waitFor();
    assert.equal(await text(page, '.problem'), `WeChat does not allow the name “bad”. You are still “${old}”.`);
    assert.equal(await field(page).inputValue(), old);
    await typeName(page, 'bad');
    await answer(page, 'bad', false);
    await page.waitForFunction((name) => document.querySelector('input.name').value === name, old);
    await back(page);
    assert.equal(await myName(page), old);
    await page.reload();
    await at(page, 'ready');
    assert.equal(await myName(page), old);
    assert.deepEqual([...new Set(namesIn(sent))], [old]);
    await assertContent(someone);
  }));

  test('of two, the last counts, whatever is said of the first and when', onServer({}, async (server) => {
    const someone = await openSlow(server);
    const { page, sent } = someone;
    await settings(page);
    await typeName(page, 'first');
    await typeName(page, 'second');
    await answer(page, 'first', true);
    await answer(page, 'second', true);
    await back(page);
    await named(page, 'second');
    assert.ok(!namesIn(sent).includes('first'));
    await settings(page);
    await typeName(page, 'third');
    await typeName(page, 'fourth');
    await answer(page, 'third', false);
    await answer(page, 'fourth', true);
    await back(page);
    await named(page, 'fourth');
    await assertContent(someone);
  }));

  test('is not lost with Back: neither one that was left nor one that was only typed', onServer({}, async (server) => {
    const someone = await open(server, { devtools: { review: null } });
    const { page } = someone;
    await settings(page);
    await field(page).fill('Only typed');
    // The way back of a phone does not leave the field first.
    await page.evaluate(() => window.devtools.wx.navigateBack());
    await named(page, 'Only typed');
    await settings(page);
    assert.equal(await field(page).inputValue(), 'Only typed');
    await typeName(page, 'Left, too');
    await back(page);
    await named(page, 'Left, too');
    await page.reload();
    await at(page, 'ready');
    assert.equal(await myName(page), 'Left, too');
    await assertContent(someone);
  }));

  test('that was taken with Back goes back where WeChat refuses it afterwards, and that is said', onServer({}, async (server) => {
    const someone = await openSlow(server);
    const { page } = someone;
    const old = await myName(page);
    await settings(page);
    await typeName(page, 'too late');
    await back(page);
    await named(page, 'too late');
    await answer(page, 'too late', false);
    await named(page, old);
    await page.getByRole('status').filter({ hasText: 'too late' }).waitFor();
    await assertContent(someone);
  }));

  test('is taken where WeChat says nothing, and where it is hidden before the field is left', onServer({}, async (server) => {
    const someone = await open(server, { devtools: { review: null } });
    const { page, sent } = someone;
    await settings(page);
    await field(page).fill('Nobody asks');
    await page.evaluate(() => window.devtools.hide());
    await page.waitForFunction(() => window.devtools.app().table.profile.name === 'Nobody asks');
    await page.evaluate(() => window.devtools.show());
    assert.equal(namesIn(sent).at(-1), 'Nobody asks');
    assert.equal(await field(page).inputValue(), 'Nobody asks');
    await assertContent(someone);
  }));

  test('that the server refuses gives the old one back, also in an open field', onServer({}, async (server) => {
    const someone = await open(server);
    const { page } = someone;
    const old = await myName(page);
    await settings(page);
    await typeName(page, '木人·甲');
    await page.locator('.problem').filter({ hasText: `You are “${old}”.` }).waitFor();
    await page.waitForFunction((name) => document.querySelector('input.name').value === name, old);
    await back(page);
    await named(page, old);
    await assertContent(someone);
  }));
});

describe('consent', { ...AT_ONCE, timeout: 120_000 }, () => {
  test('is asked once for two things at once, and both go on', onServer({}, async (server) => {
    const location = { latitude: 31.2, longitude: 121.4 };
    for (const agreed of [true, false]) {
      const someone = await open(server, { devtools: { privacyNeeded: true, location } });
      const { page } = someone;
      await settings(page);
      await page.getByText('Use my WeChat picture').click();
      const dialog = page.getByRole('dialog', { name: 'Your privacy' });
      await dialog.waitFor();
      // Behind the dialog, as a phone does it that was slow with the first.
      await page.getByRole('switch', { name: 'People nearby first' }).evaluate((element) => element.click());
      await page.waitForFunction(() => window.devtools.calls.some(([name]) => name === 'getFuzzyLocation'));
      await dialog.getByText(agreed ? 'Agree' : 'No', { exact: true }).click();
      await dialog.waitFor({ state: 'detached' });
      if (agreed) await page.locator('.picture').waitFor();
      else await page.locator('.problem').waitFor();
      assert.equal(await page.getByRole('switch', { name: 'People nearby first' }).getAttribute('aria-checked'), String(agreed));
      await back(page);
      await page.locator('.online').filter({ hasText: agreed ? 'near' : 'online' }).waitFor();
      await assertContent(someone);
    }
  }));

  test('that nobody can give any more is refused: nothing waits for ever', onServer({}, async (server) => {
    const someone = await open(server, { devtools: { privacyNeeded: true } });
    const { page } = someone;
    const ask = () => page.evaluate(() => window.devtools.wx.getFuzzyLocation({ type: 'wgs84' }).catch(({ errMsg }) => errMsg));
    await settings(page);
    const waiting = ask();
    await page.getByRole('dialog').waitFor();
    await back(page);
    assert.match(await waiting, /privacy permission is not authorized/);
    assert.match(await ask(), /privacy permission is not authorized/, 'where there is no dialog');
    await settings(page);
    const again = ask();
    await page.getByRole('dialog').getByText('No', { exact: true }).click();
    assert.match(await again, /privacy permission/);
    await assertContent(someone);
  }));
});

describe('pictures and places', AT_ONCE, () => {
  const picture = (fill) => `data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path fill="${fill}" d="M0 0h9v9H0z"/></svg>`;
  const files = (page) => page.evaluate(() => Object.keys(localStorage).filter((key) => /^file:.*usr\/\d/.test(key)).length);
  const choose = async (page, fill) => {
    await page.evaluate((avatar) => { window.devtools.avatar = avatar; }, picture(fill));
    await page.getByText('Use my WeChat picture').click();
    await page.locator('.picture').waitFor();
  };
  /** Copies are ready when a test says so. */
  const slowCopies = (page) => page.addInitScript(() => {
    const copies = window.copies = {};
    window.devtools.copying = (file) => new Promise((done) => { copies[/fill="(\w+)"/.exec(file)[1]] = done; });
  });
  const ready = async (page, fill) => {
    await page.waitForFunction((one) => window.copies[one], fill);
    await page.evaluate((one) => window.copies[one](), fill);
  };
  const shown = (page) => page.evaluate(() => window.devtools.app().table.profile.picture);

  test('the last choice counts, in whatever order the copies are ready, and none lies about', onServer({}, async (server) => {
    const someone = await open(server, { devtools: {}, prepare: slowCopies });
    const { page } = someone;
    await settings(page);
    await choose(page, 'red');
    await choose(page, 'teal');
    await ready(page, 'teal');
    await page.waitForFunction(() => /usr/.test(window.devtools.app().table.profile.picture));
    const kept = await shown(page);
    await ready(page, 'red');
    await page.waitForFunction(() => window.devtools.calls.some(([name]) => name === 'removeSavedFile'));
    assert.equal(await shown(page), kept);
    assert.equal(await files(page), 1);

    await choose(page, 'blue');
    await page.getByRole('radio', { name: 'Panda' }).click();
    await ready(page, 'blue');
    await page.waitForFunction(() => Object.keys(localStorage).filter((key) => /^file:.*usr\/\d/.test(key)).length === 0);
    assert.equal(await page.locator('.picture').count(), 0);
    await page.reload();
    await at(page, 'ready');
    assert.match(await page.locator('.me .avatar').getAttribute('src'), /avatars\/panda/);
    await assertContent(someone);
  }));

  test('a picture is seen at once, also on the page before, and a copy that is gone is none', onServer({}, async (server) => {
    const someone = await open(server, { devtools: {}, prepare: slowCopies });
    const { page } = someone;
    await settings(page);
    await choose(page, 'red');
    await back(page);
    assert.match(await page.locator('.me .avatar').getAttribute('src'), /red/);
    await ready(page, 'red');
    await page.waitForFunction(() => /usr/.test(window.devtools.app().table.profile.picture));
    await page.evaluate(() => Object.keys(localStorage).filter((key) => /^file:.*usr\/\d/.test(key)).forEach((key) => localStorage.removeItem(key)));
    await page.reload();
    await at(page, 'ready');
    assert.match(await page.locator('.me .avatar').getAttribute('src'), /\/avatars\/\w+\.svg$/);
    await assertContent(someone);
  }));

  test('a place counts only for the last wish, also on another page', onServer({}, async (server) => {
    const someone = await open(server, {
      devtools: {},
      prepare: (page) => page.addInitScript(() => {
        const asked = window.asked = [];
        window.devtools.location = () => new Promise((done) => { asked.push(done); });
      }),
    });
    const { page, sent } = someone;
    const near = page.getByRole('switch', { name: 'People nearby first' });
    const answerPlace = async (index, place) => {
      await page.waitForFunction((one) => window.asked.length > one, index);
      await page.evaluate(([one, found]) => window.asked[one](found), [index, place]);
    };
    await settings(page);
    await near.click();
    await near.click();
    await near.click();
    await answerPlace(1, { latitude: 31.2, longitude: 121.4 });
    await answerPlace(0, { errMsg: 'getFuzzyLocation:fail system error' });
    await page.waitForFunction(() => window.devtools.app().table.player);
    assert.equal(await near.getAttribute('aria-checked'), 'true');
    assert.equal(await page.locator('.problem').count(), 0);
    assert.ok(sent.at(-1).includes('"cordinate":{"lat":31.2,"lng":121.4}'), sent.at(-1));
    await near.click();

    // Asked for on a page that is gone; what it comes to is seen on the next.
    await near.click();
    await back(page);
    await settings(page);
    assert.equal(await near.getAttribute('aria-checked'), 'true', 'it is still wanted');
    await answerPlace(2, { errMsg: 'getFuzzyLocation:fail system error' });
    await page.locator('.problem').waitFor();
    assert.equal(await near.getAttribute('aria-checked'), 'false');
    await assertContent(someone);
  }));

  test('permission given in the settings is a wish come true', onServer({}, async (server) => {
    const someone = await open(server);
    const { page } = someone;
    await settings(page);
    await page.getByRole('switch', { name: 'People nearby first' }).click();
    await page.locator('.problem').waitFor();
    await page.evaluate(() => {
      window.devtools.location = { latitude: 31.2, longitude: 121.4 };
      window.devtools.authSetting = { 'scope.userFuzzyLocation': true };
    });
    await page.getByText('Open the permissions').click();
    await page.locator('.problem').waitFor({ state: 'detached' });
    assert.equal(await page.getByRole('switch', { name: 'People nearby first' }).getAttribute('aria-checked'), 'true');
    await back(page);
    await page.locator('.online').filter({ hasText: 'near' }).waitFor();
    await assertContent(someone);
  }));
});

describe('who comes back to a phone', AT_ONCE, () => {
  const who = (page) => page.evaluate(() => {
    const { uid, token, name } = window.devtools.app().table.profile;
    return { uid, token, name };
  });
  const known = async (page) => {
    await page.waitForFunction(() => window.devtools.app().table.profile.token);
    return who(page);
  };
  const clear = (page, pattern) => page.evaluate((source) => {
    Object.keys(localStorage).filter((key) => new RegExp(source).test(key)).forEach((key) => localStorage.removeItem(key));
  }, pattern);

  test('is known where WeChat has cleared its storage, or its files', onServer({}, async (server) => {
    const someone = await open(server);
    const { page } = someone;
    const before = await known(page);
    // Each copy is made anew from the other.
    for (const pattern of ['^stored:', '^file:', '^stored:']) {
      await clear(page, pattern);
      await page.reload();
      await at(page, 'ready');
      assert.deepEqual(await known(page), before, pattern);
    }
    await assertContent(someone);
  }));

  test('is told when nothing can be kept, once, and plays all the same', onServer(ROBOTS, async (server) => {
    const someone = await open(server, { devtools: { storage: 'full' } });
    const { page } = someone;
    await page.getByRole('status').filter({ hasText: 'cannot keep anything' }).waitFor();
    await settings(page);
    await page.getByRole('switch', { name: 'Vibration' }).click();
    await typeName(page, 'For now');
    await back(page);
    await named(page, 'For now');
    assert.equal((await calls(page, 'showToast')).length, 1);
    await press(page, PRIMARY);
    await at(page, 'playing');
    await assertContent(someone);
  }));

  test('is not made somebody else by storage that cannot be read for once', onServer({}, async (server) => {
    const someone = await open(server);
    const { page } = someone;
    const before = await known(page);
    // As a phone has it that knew only one copy.
    await clear(page, '^file:');
    await page.addInitScript(() => { window.devtools.storage = sessionStorage.getItem('storage') ?? ''; });
    await page.evaluate(() => sessionStorage.setItem('storage', 'broken'));
    await page.reload();
    await at(page, 'ready');
    await page.getByRole('status').filter({ hasText: 'cannot keep anything' }).waitFor();
    assert.notEqual((await known(page)).uid, before.uid);
    await page.evaluate(() => { window.devtools.storage = ''; window.devtools.app().table.keep(); sessionStorage.clear(); });
    await page.reload();
    await at(page, 'ready');
    assert.deepEqual(await known(page), before);
    await assertContent(someone);
  }));

  test('whose sockets were cut meanwhile has one link at once, however late WeChat tells it', onServer({}, async (server) => {
    const someone = await open(server);
    const { page } = someone;
    const dialled = () => page.evaluate(() => window.devtools.calls.filter(([name]) => name === 'connectSocket').length);
    const online = () => page.locator('.link').waitFor({ state: 'detached' });
    await online();
    for (let times = 1; times <= 8; times += 1) {
      const before = await dialled();
      const now = await page.evaluate(() => {
        window.devtools.hide();
        const tell = window.devtools.cutSockets({ told: false });
        window.devtools.show();
        tell();
        return window.devtools.calls.filter(([name]) => name === 'connectSocket').length;
      });
      assert.equal(now, before + 1, 'at once');
      await page.waitForFunction(() => window.devtools.sockets() === 1);
      await online();
      await greeted(page);
      assert.equal(await dialled(), before + 1, 'and only one');
    }
    await assertContent(someone);
  }));

  test('looking away for long, again and again, leaves one connection, and never more than five', onServer({}, async (server) => {
    const relay = await startRelay(server.url);
    afterwards(() => relay.close());
    const someone = await open({ url: relay.url });
    const { page } = someone;
    let most = 0;
    await page.evaluate(() => {
      const now = Date.now;
      window.away = 0;
      Date.now = () => now() + window.away;
    });
    for (let times = 0; times < 8; times += 1) {
      await greeted(page);
      most = Math.max(most, await page.evaluate(() => {
        window.devtools.hide();
        window.dispatchEvent(new Event('online'));
        // Longer than WeChat leaves a socket alone.
        window.away += 6000;
        window.devtools.show();
        window.devtools.app().onShow({});
        window.dispatchEvent(new Event('offline'));
        return window.devtools.sockets();
      }));
    }
    assert.ok(most <= 5, `${most} sockets`);
    const [dials, closes] = [await calls(page, 'connectSocket'), await calls(page, 'SocketTask.close')];
    assert.ok(dials.length >= 9, `${dials.length} dials`);
    assert.equal(closes.length, dials.length - 1, 'each was closed when it was replaced');
    await page.locator('.link').waitFor({ state: 'detached' });
    await page.waitForFunction(() => window.devtools.sockets() === 1);
    await assertContent(someone);
  }));
});
