// The Mini Program of this repository, opened by the tests.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { CONNECTION_ERRORS } from './chromium.mjs';
import { compile } from './devtools/compile.mjs';
import { format } from './devtools/places.mjs';
import { serve } from './devtools/serve.mjs';
import { afterwards, guest, overhear } from './table.mjs';

export const FOLDER = fileURLToPath(new URL('../../miniprogram', import.meta.url));
/** The one next step, once it may be taken. */
export const PRIMARY = '.primary[aria-disabled="false"]';

/** Somebody in WeChat, with the Mini Program pointed at this server. `devtools` is set before it starts. */
export async function open({ url: server }, { devtools = {}, prepare = () => {}, ...options } = {}) {
  const { host } = new URL(server);
  const compiled = compile(FOLDER, { overrides: {
    'config.js': `module.exports = { domain: '${host}', basePath: '/applet/websocket' };`,
  } });
  assert.deepEqual(compiled.problems.map(format), []);
  const { url, close } = await serve(compiled);
  afterwards(close);
  const someone = await guest({ expected: CONNECTION_ERRORS, ...options });
  await someone.page.addInitScript((settings) => { window.devtools = settings; }, devtools);
  await prepare(someone.page);
  const sent = overhear(someone.page);
  await someone.page.goto(url);
  await at(someone.page, 'ready');
  return { ...someone, sent };
}

/** Waits for a phase. */
export async function at(page, phase) {
  await page.locator(`.app.${phase}`).waitFor();
}
