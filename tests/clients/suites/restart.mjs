// The server stops and is started again at the same address: it says so first, and who reconnects comes back by itself.

import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { AT_ONCE, game, playRobot } from '../arena.mjs';
import { CLIENTS } from '../clients/index.mjs';
import { startServer } from '../server.mjs';

describe('a restart', AT_ONCE, () => {
  for (const kind of CLIENTS) {
    game(kind.name, { own: true }, async (arena) => {
      const player = await arena.player(kind);
      // As applications do: whenever it is connected, it says who it is. The new server knows no token.
      player.token = undefined;
      if (player.client.reconnects) player.client.on('connect', () => player.sayHello());
      const { port } = new URL(arena.server.url);
      await arena.server.stop();
      // Who polls may have had no request under way to hear it by.
      if (kind.transport !== 'polling') {
        const { delay } = await player.next('restart');
        assert.ok(delay >= 0 && delay <= 1000, `few come back soon: ${delay} ms`);
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
