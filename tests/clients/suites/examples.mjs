// The bots in examples/, each against a player whose hands are known: what a bot prints is what that player was told.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { describe } from 'node:test';
import { fileURLToPath } from 'node:url';
import { AT_ONCE, game } from '../arena.mjs';
import { BASE_PATH } from '../clients/client.mjs';
import { NATIVE } from '../clients/index.mjs';

const file = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Node 20 has the WebSocket of browsers only when asked for it. */
const ASKED = parseInt(process.versions.node) < 22 ? ['--experimental-websocket'] : [];
const NODE = [process.execPath, ...ASKED, file('../../../examples/bot.mjs')];
const PYTHON = [file('../.venv-5/bin/python'), file('../../../examples/bot.py')];
/** Cargo puts it beside the program, whenever it builds the tests. */
const RUST = [join(dirname(process.env.WULIN_BIN ?? ''), 'examples', 'bot')];

/** No robot may come before the bot's process has started; hands must be shown before the time is up. */
const FLAGS = { 'robot-wait': '60s', 'game-time': '2s' };

/** Runs a bot for two rounds, until it ends. `ca` is the file with the certificates it trusts beside the public ones. */
function run([program, ...args], server, ca) {
  const address = server.url.replace('https:', 'wss:') + BASE_PATH;
  // Undefined hides what the machine may have set.
  const trusted = { NODE_EXTRA_CA_CERTS: ca, SSL_CERT_FILE: ca, NODE_TLS_REJECT_UNAUTHORIZED: undefined };
  const bot = spawn(program, [...args, address, '2'], { env: { ...process.env, ...trusted }, timeout: 30_000 });
  let said = '';
  let complained = '';
  bot.stdout.on('data', (text) => (said += text));
  bot.stderr.on('data', (text) => (complained += text));
  return new Promise((resolve) => {
    bot.on('error', (error) => resolve({ said, complained: error.message }));
    bot.on('close', (code) => resolve({ said, complained, code }));
  });
}

describe('examples', AT_ONCE, () => {
  for (const [name, bot] of Object.entries({ 'bot.mjs': NODE, 'bot.py': PYTHON, 'bot.rs': RUST })) {
    game(`${name} plays as many rounds as it is told and prints each result`, { flags: FLAGS, own: true }, async (arena) => {
      const paper = await arena.player(NATIVE);
      const ended = run(bot, arena.server, arena.server.selfMade);
      for (let round = 0; round < 2; round += 1) {
        await paper.join();
        const begun = await Promise.race([paper.next('start'), ended]);
        assert.ok(begun.roomUsers, `it ended early: ${JSON.stringify(begun)}`);
        paper.choose(3);
        await paper.next('result');
      }
      const { code, said, complained } = await ended;
      assert.equal(complained, '');
      assert.equal(said, 'round 1: rock against paper scores 0, 0 in all\nround 2: scissors against paper scores 1, 1 in all\n');
      assert.equal(code, 0);
    });

    game(`${name} refuses a certificate it cannot trust`, { own: true }, async (arena) => {
      const { code, said, complained } = await run(bot, arena.server);
      assert.equal(said, '');
      assert.match(complained, /certificate/i);
      assert.notEqual(code, 0);
      assert.notEqual(code, null, 'it ends by itself');
    });
  }
});
