// Every client plays one whole round against a robot.

import { describe } from 'node:test';
import { AT_ONCE, game, playRobot } from '../arena.mjs';
import { CLIENTS } from '../clients/index.mjs';

describe('a round against a robot', AT_ONCE, () => {
  CLIENTS.forEach((kind, index) => {
    game(kind.name, {}, async (arena) => {
      const player = await arena.player(kind);
      await playRobot(player, 1 + (index % 3));
    });
  });
});
