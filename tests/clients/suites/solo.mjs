// Every client plays one whole round alone: against the robot that comes.

import { describe } from 'node:test';
import { AT_ONCE, game, playRobot } from '../arena.mjs';
import { CLIENTS } from '../clients/index.mjs';

describe('alone against a robot', AT_ONCE, () => {
  CLIENTS.forEach((kind, index) => {
    game(kind.name, {}, async (arena) => {
      const player = await arena.player(kind);
      await playRobot(player, 1 + (index % 3));
    });
  });
});
