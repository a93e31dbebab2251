// Makes docs/strip.png: how the other spins at a move, and how a round is decided, picture by picture.
//
//   WULIN_BIN=target/debug/wulin node tests/pages/strip.mjs [FILE]
//
// Nothing is filmed: every animation is stopped and set to a moment of its own, so each run shows the same.

import { writeFile } from 'node:fs/promises';
import { startServer } from '../clients/server.mjs';
import { launch, visitor } from './chromium.mjs';
import { at, hand, press, rig } from './table.mjs';

const FILE = process.argv[2] ?? 'docs/strip.png';
/** Of a turn's 500 ms. */
const SPIN = [0, 60, 110, 160, 220, 300, 380, 500];
/** The moments of a reveal in ms: of the beats, and of what follows. */
const BEATS = [[0, 110], [1, 110], [2, 110], [2, 215]];
const OPENED = [60, 260, 480, 700];

const browser = await launch();
const server = await startServer({ 'robot-wait': '300ms', 'game-time': '4s' });
const { page } = await visitor({ browser, viewport: { width: 390, height: 844 }, deviceScaleFactor: 1 });
await rig(page, 'win', 3);
await page.addInitScript(() => {
  const { setTimeout } = window;
  // The beats of a reveal come when they are asked for.
  window.setTimeout = (run, delay, ...rest) => {
    if (delay !== 220) return setTimeout(run, delay, ...rest);
    window.nextBeat = run;
    return 0;
  };
  // Everything that begins to move stops at its first picture.
  window.seek = (moment) => {
    for (const animation of document.getAnimations()) {
      if (animation.effect.getComputedTiming().endTime > 3000) continue;
      animation.pause();
      animation.currentTime = moment;
    }
  };
  addEventListener('transitionrun', ({ target }) => {
    if (target.matches('#others .avatar')) window.seek(0);
  }, true);
});
await page.goto(server.url);
await at(page, 'ready');
await press(page, '#primary');
await at(page, 'playing');
await press(page, hand('rock'));

const clip = async (selector, grow = 0) => {
  const { x, y, width, height } = await page.locator(selector).boundingBox();
  return { x: Math.max(0, x - grow), y: y - grow, width: width + 2 * grow, height: height + 2 * grow };
};
const pictures = { spin: [], reveal: [] };
await page.waitForFunction(() => document.querySelector('#others .avatar').getAnimations().length > 0);
const portrait = await clip('#others .portrait', 6);
for (const moment of SPIN) {
  await page.evaluate((ms) => window.seek(ms), moment);
  pictures.spin.push([`${moment} ms`, await page.screenshot({ clip: portrait })]);
}
await page.evaluate(() => { for (const animation of document.getAnimations()) if (animation.effect.getComputedTiming().endTime < 3000) animation.finish(); });

await at(page, 'reveal');
const arena = await clip('#arena');
let beat = 0;
for (const [wanted, moment] of BEATS) {
  for (; beat < wanted; beat += 1) await page.evaluate(() => window.nextBeat());
  // The swing is one animation over three beats.
  await page.evaluate((ms) => window.seek(ms), 220 * wanted + moment);
  pictures.reveal.push([`${220 * wanted + moment} ms`, await page.screenshot({ clip: arena })]);
}
await page.evaluate(() => window.nextBeat());
await at(page, 'result');
for (const moment of OPENED) {
  await page.evaluate((ms) => window.seek(ms), moment);
  pictures.reveal.push([`${660 + moment} ms`, await page.screenshot({ clip: arena })]);
}

const row = (frames, width) => `<div>${frames.map(([label, png]) => (
  `<figure><img width="${width}" src="data:image/png;base64,${png.toString('base64')}"><figcaption>${label}</figcaption></figure>`)).join('')}</div>`;
const sheet = await browser.newPage({ viewport: { width: 1240, height: 400 } });
await sheet.setContent(`<!doctype html><style>
  body { margin: 0; padding: 10px; width: max-content; background: #f4ecdc; color: #6b5a4d; font: 13px system-ui, sans-serif; text-align: center; }
  div { display: flex; gap: 8px; margin-bottom: 8px; } figure { margin: 0; width: 145px; } img { display: block; margin: 0 auto 4px; }
</style>${row(pictures.spin, 70)}${row(pictures.reveal, 145)}`);
await writeFile(FILE, await sheet.locator('body').screenshot());
await browser.close();
await server.stop();
