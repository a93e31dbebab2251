// What the server embeds is what the sources make, in every encoding, and no more than a first visit may cost.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { encodings, files } from '../../web/build.mjs';

const DIST = new URL('../../web/dist/', import.meta.url);
const DECODE = { br: brotliDecompressSync, gz: gunzipSync };
const AGAIN = 'run `npm run build` and commit web/dist';

test('web/dist is what its sources make', async () => {
  const wanted = new Map();
  for (const [name, bytes] of await files()) {
    wanted.set(name, bytes);
    for (const [ending] of encodings(bytes)) wanted.set(`${name}.${ending}`, bytes);
  }
  const found = (await readdir(DIST, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => `${parentPath}/${name}`.split('/web/dist/').at(-1).replace(/^\/+/, ''));
  assert.deepEqual(found.sort(), [...wanted.keys()].sort(), AGAIN);
  for (const [name, bytes] of wanted) {
    const stored = await readFile(new URL(name, DIST));
    // Not the packed bytes are compared: another zlib may pack otherwise, and as well.
    const decode = DECODE[name.split('.').at(-1)] ?? ((same) => same);
    assert.ok(decode(stored).equals(bytes), `${name} is out of date: ${AGAIN}`);
  }
});
