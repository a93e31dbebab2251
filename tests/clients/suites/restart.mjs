// The server stops and starts again at the same address: it announces that, and clients that reconnect by themselves come back.

import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { AT_ONCE, game, playRobot } from '../arena.mjs';
import { CLIENTS } from '../clients/index.mjs';
import { startServer } from '../server.mjs';

describe('a client comes back after a restart', AT_ONCE, () => {
  for (const kind of CLIENTS) {
    game(kind.name, { own: true }, async (arena) => {
      const player = await arena.player(kind);
      // As applications do, it says hello whenever it is connected. The new server does not know the old token.
      player.token = undefined;
      if (player.client.reconnects) player.client.on('connect', () => player.sayHello());
      const { port } = new URL(arena.server.url);
      await arena.server.stop();
      // A polling client may have no request pending that could bring the event.
      if (kind.transport !== 'polling') {
        const { delay } = await player.next('restart');
        assert.ok(delay >= 0 && delay <= 1000, `the delay is at most a second: ${delay} ms`);
      }
      await player.next('disconnect');
      arena.server = await startServer({ port });
      if (player.client.reconnects) await player.welcome();
      else {
        await player.connect(arena.server);
        await player.hello();
      }
      await playRobot(player);
    });
  }
});
