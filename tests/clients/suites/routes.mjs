// Routes other than the two that most clients use.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:https';
import { describe } from 'node:test';
import { text } from 'node:stream/consumers';
import { AT_ONCE, game, playRobot } from '../arena.mjs';
import { BASE_PATH, trust } from '../clients/client.mjs';
import { client } from '../clients/index.mjs';

async function fetched(server, path) {
  const [response] = await once(get(new URL(path, server.url), { agent: false, ...trust(server.ca) }), 'response');
  return { status: response.statusCode, type: response.headers['content-type'], body: await text(response) };
}

describe('routes', AT_ONCE, () => {
  game(`${BASE_PATH} without an upgrade answers with JSON`, {}, async ({ server }) => {
    const answer = await fetched(server, BASE_PATH);
    assert.equal(answer.status, 200);
    assert.equal(typeof JSON.parse(answer.body), 'object');
  });

  game('/ serves the page', {}, async ({ server }) => {
    const answer = await fetched(server, '/');
    assert.equal(answer.status, 200);
    assert.match(answer.type, /^text\/html/);
  });

  for (const kind of [client('socket.io-client 2.5'), client('socket.io-client 4', 'upgrade')]) {
    game(`${kind.name} plays at /applet/ws/socket.io`, {}, async (arena) => {
      await playRobot(await arena.player(kind, {}, { ...arena.server, base: '/applet/ws' }));
    });
  }
});
