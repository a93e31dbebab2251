// Makes web/dist: what the server embeds. `npm run build` after every change here or in miniprogram/game; `make test` holds
// the folder against the sources.

import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
/** Where a server's socket is unless it was told otherwise; the server writes another path over it. */
const SOCKET_PATH = '/applet/websocket';
const images = join(here, '../miniprogram/images');

/** Every file the server serves, by its path below the root. What has a hash in its name never changes. */
export async function files() {
  const bundle = await build({
    absWorkingDir: here,
    entryPoints: ['page.js', 'page.css'],
    outdir: 'dist/assets',
    entryNames: '[name]-[hash]',
    bundle: true,
    minify: true,
    format: 'esm',
    // The first of each with <dialog>.
    target: ['chrome98', 'firefox98', 'safari15.4'],
    charset: 'utf8',
    legalComments: 'none',
    loader: { '.svg': 'dataurl' },
    logLimit: 5,
    write: false,
  });
  const made = new Map();
  let html = await readFile(join(here, 'index.html'), 'utf8');
  html = html.replace('{{socket}}', SOCKET_PATH);
  for (const { path, contents } of bundle.outputFiles) {
    const name = `assets/${path.split('/').at(-1)}`;
    made.set(name, Buffer.from(contents));
    html = html.replace(`{{page.${name.split('.').at(-1)}}}`, `/${name}`);
  }
  made.set('index.html', Buffer.from(html));
  for (const name of ['manifest.webmanifest', 'robots.txt']) made.set(name, await readFile(join(here, name)));
  made.set('icon.svg', await readFile(join(images, 'icon.svg')));
  for (const name of await readdir(join(here, 'pictures'))) made.set(name, await readFile(join(here, 'pictures', name)));
  const offline = await standIn();
  made.set('offline.html', offline);
  // Another stand-in makes another worker, and only that: browsers look for a new one at every visit.
  const worker = await readFile(join(here, 'sw.js'), 'utf8');
  made.set('sw.js', Buffer.from(worker.replace('{{version}}', hash(offline).toString('hex').slice(0, 8))));
  for (const name of await readdir(join(images, 'avatars'))) {
    made.set(`avatars/${name}`, await readFile(join(images, 'avatars', name)));
  }
  return made;
}

/** The page that stands in for the server: whole in itself, and bound to that. */
async function standIn() {
  const html = (await readFile(join(here, 'offline.html'), 'utf8'))
    .replace('{{icon}}', (await readFile(join(images, 'icon.svg'), 'utf8')).trim());
  const allowed = (tag) => `'sha256-${hash(new RegExp(`<${tag}>(.*?)</${tag}>`, 's').exec(html)[1]).toString('base64')}'`;
  return Buffer.from(html.replace('{{policy}}', `default-src 'none'; style-src ${allowed('style')}; script-src ${allowed('script')}; connect-src 'self'`));
}

/** @param {string | Buffer} bytes */
function hash(bytes) {
  return createHash('sha256').update(bytes).digest();
}

/** The same bytes in the encodings a browser may ask for, where that makes them a tenth fewer: a PNG is packed as it is. */
export function encodings(bytes) {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  const packed = { br: brotliCompressSync(bytes, { params }), gz: gzipSync(bytes, { level: 9 }) };
  return Object.entries(packed).filter(([, packed]) => packed.length < 0.9 * bytes.length);
}

async function write() {
  const dist = join(here, 'dist');
  await rm(dist, { recursive: true, force: true });
  for (const [name, bytes] of await files()) {
    const path = join(dist, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
    for (const [ending, packed] of encodings(bytes)) await writeFile(`${path}.${ending}`, packed);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await write();
