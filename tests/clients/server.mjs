// The server the tests play on: the one at WULIN_URL, or a new one of WULIN_BIN for every test.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PATIENCE } from './clients/client.mjs';

const { WULIN_URL, WULIN_BIN, WULIN_CA } = process.env;

/** A server of one's own can be given flags, and can be alone with one test. */
export const OWN_SERVER = !WULIN_URL;

const READY = /https:\/\/(?:localhost|127\.0\.0\.1):\d+/;

export async function startServer(flags = {}) {
  if (!OWN_SERVER) return { url: WULIN_URL, ca: WULIN_CA, log: () => '', stop: async () => {}, kill: async () => {} };
  assert.ok(WULIN_BIN, 'set WULIN_URL to a running server, or WULIN_BIN to the wulin program');

  const state = await mkdtemp(join(tmpdir(), 'wulin-clients-'));
  const settings = { listen: '127.0.0.1', port: 0, 'http-port': 0, admin: 'off', 'game-time': '2s', 'robot-wait': '300ms', ...flags };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const server = spawn(WULIN_BIN, ['serve', ...args], { env: environment(state), stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  server.stderr.on('data', (text) => (log += text));
  const exited = new Promise((resolve) => {
    server.on('error', (error) => resolve(error.message));
    server.on('exit', (code, signal) => resolve(signal ?? code));
  });

  let killed = false;
  const stop = async () => {
    if (killed) return;
    server.kill('SIGTERM');
    const outcome = await within(PATIENCE, exited);
    if (outcome === undefined) server.kill('SIGKILL');
    await rm(state, { recursive: true, force: true });
    assert.notEqual(outcome, undefined, `the server did not end within ${PATIENCE} ms after SIGTERM\n${log}`);
    assert.equal(outcome, 0, `the server ends with 0 after SIGTERM\n${log}`);
  };

  /** As a machine without power does it: nobody is told. */
  const kill = async () => {
    killed = true;
    server.kill('SIGKILL');
    await exited;
    await rm(state, { recursive: true, force: true });
  };

  const said = announced(server, (text) => (log += text)).then((url) => ({ url }));
  const ended = exited.then((outcome) => ({ outcome }));
  const { url, outcome = 'silence' } = (await within(PATIENCE, Promise.race([said, ended]))) ?? {};
  if (!url) {
    server.kill('SIGKILL');
    await rm(state, { recursive: true, force: true });
    assert.fail(`${WULIN_BIN} serve never said where it listens: ${outcome}\n${log}`);
  }
  return { url, ca: WULIN_CA, selfMade: join(state, 'wulin', 'self-signed.pem'), log: () => log, stop, kill };
}

/** Every flag of the server has an environment variable: none of ours may leak into it. */
function environment(state) {
  const ours = Object.entries(process.env).filter(([name]) => !name.startsWith('WULIN_'));
  return { ...Object.fromEntries(ours), XDG_STATE_HOME: state };
}

function announced(server, note) {
  return new Promise((resolve) => {
    let said = '';
    server.stdout.on('data', (text) => {
      note(text);
      said += text;
      const [url] = READY.exec(said.slice(0, said.lastIndexOf('\n') + 1)) ?? [];
      if (url) resolve(url);
    });
  });
}

/** The promise's value, or undefined when it takes longer. */
async function within(milliseconds, promise) {
  let timer;
  const timeout = new Promise((resolve) => (timer = setTimeout(resolve, milliseconds)));
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
