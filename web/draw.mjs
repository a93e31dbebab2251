// Draws web/pictures from our own SVGs: `npm run draw` after a change to them (needs Chromium). They are kept in the repository,
// so that nobody needs Chromium to build the page.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const here = dirname(fileURLToPath(import.meta.url));
const images = join(here, '../miniprogram/images');
const SEAL = '#b3261e';
/** How large an icon in a .ico is, in pixels: tabs, bookmarks, the desktop of Windows. */
const ICO = [16, 32, 48];
/** How much of a maskable icon is sure to be seen is a circle of 80 %: the seal stays within. */
const SAFE = 0.76;

const svg = (name) => readFile(join(images, name), 'utf8');
const address = (drawing) => `data:image/svg+xml,${encodeURIComponent(drawing)}`;

/** The seal as it is: with its corners, and nothing around them. */
const seal = (drawing, size) => `<img src="${address(drawing)}" width="${size}" height="${size}">`;

/** The seal for who cuts its corners off: red to the edges. */
const full = (drawing, size) => `<div style="width:${size}px;height:${size}px;background:${SEAL};display:grid;place-items:center">
  ${seal(drawing, Math.round(size * SAFE))}</div>`;

/** What a link to the page is shown with. */
async function card() {
  const hand = async (name, style) => `<img src="${address(await svg(`hands/${name}.svg`))}" width="300" height="300" style="${style}">`;
  return `<div style="width:1200px;height:630px;background:#f4ecdc;color:#2b211c;position:relative;overflow:hidden;
      font:700 92px/1 'Noto Serif CJK SC','Noto Serif SC',serif;text-align:center">
    <div style="display:flex;justify-content:center;gap:24px;padding-top:76px">
      ${await hand('scissors', 'rotate:-12deg;translate:0 14px')}${await hand('rock', 'translate:0 -8px')}${await hand('paper', 'rotate:12deg;translate:0 14px')}
    </div>
    <div style="display:flex;justify-content:center;align-items:center;gap:28px;margin-top:34px">
      ${seal(await svg('icon.svg'), 96)}<span>武林 Wulin</span></div>
    <div style="font-size:34px;margin-top:26px;color:#6b5a4d">剪刀石头布，谁是武林盟主？</div></div>`;
}

/** PNGs in the format of Windows, which may hold them as they are: a directory, and the pictures behind it. */
function ico(pictures) {
  const directory = Buffer.alloc(6 + 16 * pictures.length);
  directory.writeUInt16LE(1, 2);
  directory.writeUInt16LE(pictures.length, 4);
  let offset = directory.length;
  pictures.forEach(({ size, bytes }, i) => {
    const entry = 6 + 16 * i;
    directory.writeUInt8(size, entry);
    directory.writeUInt8(size, entry + 1);
    directory.writeUInt16LE(1, entry + 4);
    directory.writeUInt16LE(32, entry + 6);
    directory.writeUInt32LE(bytes.length, entry + 8);
    directory.writeUInt32LE(offset, entry + 12);
    offset += bytes.length;
  });
  return Buffer.concat([directory, ...pictures.map(({ bytes }) => bytes)]);
}

/** Every picture by its name. */
export async function pictures(browser) {
  const page = await (await browser.newContext({ deviceScaleFactor: 1 })).newPage();
  const shoot = async (html, width, height = width) => {
    await page.setViewportSize({ width, height });
    await page.setContent(`<style>body{margin:0}img{display:block}</style>${html}`);
    await page.waitForFunction(() => [...document.images].every(({ complete }) => complete));
    return page.screenshot({ omitBackground: true });
  };
  const icon = await svg('icon.svg');
  const small = [];
  for (const size of ICO) small.push({ size, bytes: await shoot(seal(icon, size), size) });
  return new Map([
    ['favicon.ico', ico(small)],
    ['icon-192.png', await shoot(seal(icon, 192), 192)],
    ['icon-512.png', await shoot(seal(icon, 512), 512)],
    ['maskable-512.png', await shoot(full(icon, 512), 512)],
    ['apple-touch-icon.png', await shoot(full(icon, 180), 180)],
    ['share.png', await shoot(await card(), 1200, 630)],
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
  const folder = join(here, 'pictures');
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of await pictures(browser)) await writeFile(join(folder, name), bytes);
  await browser.close();
}
