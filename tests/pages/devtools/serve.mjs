// Serves a compiled Mini Program and the runtime to a browser, from memory.

import { build } from 'esbuild';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const KINDS = {
  '.svg': 'image/svg+xml', '.png': 'image/png', '.jpg': 'image/jpeg', '.jpeg': 'image/jpeg', '.gif': 'image/gif',
  '.webp': 'image/webp', '.mp3': 'audio/mpeg', '.m4a': 'audio/mp4', '.wav': 'audio/wav',
};

let bundle;

/** The runtime together with the component framework; built once in a process. */
function runtime() {
  bundle ??= build({
    entryPoints: [`${HERE}runtime.js`],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'chrome120',
    loader: { '.css': 'text' },
    logLevel: 'silent',
  }).then(({ outputFiles }) => outputFiles[0].text);
  return bundle;
}

/**
 * @param {ReturnType<typeof import('./compile.mjs').compile>} compiled
 * @returns {Promise<{url: string, close: () => Promise<void>}>} `url` with `#/pages/x/x?key=value` opens another page first
 */
export async function serve(compiled, { port = 0 } = {}) {
  const { media, problems, ...program } = compiled;
  // A closing tag in a text must not end the script that carries it.
  const data = `window.program = ${JSON.stringify(program).replaceAll('</', '<\\/')};`;
  const files = {
    '/': ['text/html', readFileSync(`${HERE}harness.html`)],
    '/program.js': ['text/javascript', data],
    '/runtime.js': ['text/javascript', await runtime()],
    '/favicon.ico': ['image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg"/>'],
  };
  for (const [path, content] of media) files[`/files/${path}`] = [KINDS[extname(path)] ?? 'application/octet-stream', content];

  const server = createServer(({ url }, response) => {
    const found = files[decodeURIComponent(new URL(url, 'http://localhost').pathname)];
    if (!found) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': `${found[0]}; charset=utf-8`, 'cache-control': 'no-store' }).end(found[1]);
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
  };
}
