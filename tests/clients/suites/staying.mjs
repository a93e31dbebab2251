// Connections that last, connections that are cut, and people who go.

import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { AT_ONCE, PATIENT_ROBOT, finish, game, meet, playRobot } from '../arena.mjs';
import { CLIENTS, MINI_PROGRAM_2016, NATIVE, ONE_EACH, client } from '../clients/index.mjs';
import { beatenBy } from '../rules.mjs';

describe('staying', () => {
  // An Engine.IO 3 client gives up by itself when a pong takes longer than the ping interval, so that must be long
  // enough for a busy machine. They come one after the other: the start of seven Pythons at once is such a moment.
  const impatient = { 'ping-interval': '3s', 'ping-timeout': '5s' };
  game('every client outlives several pings', { flags: impatient, own: true }, async (arena) => {
    const players = [];
    for (const kind of CLIENTS) players.push(await arena.player(kind));
    await pause(12_000);
    for (const player of players) {
      assert.ok(!player.heard.some(({ event }) => event === 'disconnect'), `${player.kind.name} was cut off`);
      player.checkTransport();
      await player.hello();
    }
  });
});

/** 2016 knows no token: it comes back as soon as the server has noticed that it was gone. */
async function helloWithoutToken(player) {
  player.token = undefined;
  for (let attempt = 1; ; attempt++) {
    player.client.hello(player.profile);
    try {
      return await player.next('hi', undefined, 1_000);
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}

describe('coming back after the connection was cut', AT_ONCE, () => {
  for (const kind of CLIENTS) {
    game(kind.name, {}, async (arena) => {
      const relay = await arena.relay();
      const player = await arena.player(kind, {}, relay);
      // As applications do: whenever it is connected, it says who it is.
      if (player.client.reconnects) player.client.on('connect', () => player.sayHello());
      relay.cut();
      await player.next('disconnect');
      relay.mend();
      if (!player.client.reconnects) await player.connect(relay);
      if (kind === MINI_PROGRAM_2016) await helloWithoutToken(player);
      else if (player.client.reconnects) await player.welcome();
      else await player.hello();
      await playRobot(player);
    });
  }
});

describe('leaving in the middle of a round', AT_ONCE, () => {
  for (const kind of ONE_EACH) {
    game(`${kind.name} says leave`, { flags: PATIENT_ROBOT }, async (arena) => {
      const [leaver, stayer] = await arena.pair(kind, NATIVE);
      const start = await meet(leaver, stayer);
      leaver.choose(1);
      await stayer.movement(leaver.uid, 'choice');
      leaver.send('leave');
      await stayer.next('leave', ({ uid }) => uid === leaver.uid);
      const result = await finish(start, [stayer], [leaver.uid]);
      assert.equal(result[stayer.uid].roundScore, 1, 'who left has lost, even against no hand');
    });
  }
});

describe('losing the connection in the middle of a round', AT_ONCE, () => {
  const GOODBYES = [
    // Not python-socketio: it forgets its goodbye when an earlier POST is still on its way.
    ...['socket.io-client 1.7', 'socket.io-client 4'].map((library) => [
      `${library}, polling, closes`, client(library, 'polling'), (player) => player.client.close(),
    ]),
    ...[NATIVE, MINI_PROGRAM_2016, client('socket.io-client 2.5')].map((kind) => [
      `${kind.name} is cut off`, kind, (_, relay) => relay.cut(),
    ]),
  ];
  for (const [name, kind, goodbye] of GOODBYES) {
    game(name, { flags: PATIENT_ROBOT }, async (arena) => {
      const relay = await arena.relay();
      const leaver = await arena.player(kind, {}, relay);
      const stayer = await arena.player(NATIVE);
      const start = await meet(leaver, stayer);
      leaver.choose(1);
      await stayer.movement(leaver.uid, 'choice');
      goodbye(leaver, relay);
      await stayer.next('away', ({ uid }) => uid === leaver.uid);
      stayer.choose(beatenBy(1));
      const result = await finish(start, [stayer]);
      assert.equal(result[leaver.uid].roundScore, 1, 'the hand counts, whoever is there to see it');
    });
  }
});
