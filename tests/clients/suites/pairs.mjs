// Every client plays against a client of another kind.

import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { AT_ONCE, PATIENT_ROBOT, finish, game, meet } from '../arena.mjs';
import { CLIENTS, MINI_PROGRAM_2016, NATIVE, client } from '../clients/index.mjs';
import { beating } from '../rules.mjs';

const LAUGHING = 1;
const SMIRKING = 4;

const MIXED = [
  [client('socket.io-client 1.7', 'polling'), client('socket.io-client 4')],
  [client('socket.io-client 2.5', 'upgrade'), client('socket.io-client 3', 'polling')],
  [client('socket.io-client 4', 'upgrade'), client('python-socketio 4', 'polling')],
  [client('weapp.socket.io 3'), client('wxapp-socket-io 1')],
  [client('python-socketio 5', 'upgrade'), MINI_PROGRAM_2016],
  [MINI_PROGRAM_2016, MINI_PROGRAM_2016],
];

/** One round in which both move, one changes its mind, and both make a face. */
async function play(one, other, hand, reply) {
  const start = await meet(one, other);

  one.choose(beating(hand));
  await other.movement(one.uid, 'choice');
  other.choose(reply);
  await one.movement(other.uid, 'choice');
  one.choose(hand);

  one.send('face', { face: LAUGHING });
  other.send('face', { face: SMIRKING });
  assert.equal((await other.movement(one.uid, 'face')).face, LAUGHING);
  assert.equal((await one.movement(other.uid, 'face')).face, SMIRKING);

  const result = await finish(start, [one, other]);
  assert.equal(result[one.uid].choice, hand, 'the last choice counts');
  assert.equal(result[other.uid].choice, reply);
  return result;
}

describe('a round against a client on the native WebSocket', AT_ONCE, () => {
  CLIENTS.forEach((kind, index) => {
    game(kind.name, { flags: PATIENT_ROBOT }, async (arena) => {
      const [one, other] = await arena.pair(kind, NATIVE);
      await play(one, other, 1 + (index % 3), 1 + (Math.floor(index / 3) % 3));
    });
  });
});

describe('two rounds of one library against another', AT_ONCE, () => {
  for (const [kind, otherKind] of MIXED) {
    game(`${kind.name} and ${otherKind.name}`, { flags: PATIENT_ROBOT }, async (arena) => {
      const [one, other] = await arena.pair(kind, otherKind);
      const first = await play(one, other, 2, 2);
      assert.equal(first[one.uid].roundScore, 0, 'a draw');
      // A draw, since a 2016 client that loses cannot ask for the next round.
      const second = await play(one, other, 3, 3);
      assert.equal(second[one.uid].totalScore, 0);
    });
  }

  game('a streak makes each win worth more', { flags: PATIENT_ROBOT }, async (arena) => {
    const [one, other] = await arena.pair(client('socket.io-client 4'), client('socket.io-client 2.5'));
    for (const [winStreak, totalScore] of [[1, 1], [2, 3]]) {
      const result = await play(one, other, 2, 1);
      assert.deepEqual({ ...result[one.uid], choice: null }, {
        ...result[one.uid], choice: null, roundScore: winStreak, totalScore, winStreak,
      });
    }
  });
});
