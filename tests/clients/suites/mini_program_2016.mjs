// What only the Mini Program of 2016 needs.

import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { AT_ONCE, PATIENT_ROBOT, finish, game, meet, playRobot } from '../arena.mjs';
import { MINI_PROGRAM_2016, NATIVE, client } from '../clients/index.mjs';
import { beatenBy, beating } from '../rules.mjs';

const RESEATED_AFTER = 3_000;

/** A round in which the partner answers the hand the page showed with what `reply` makes of it. */
async function round(page, partner, reply) {
  const start = await meet(page, partner);
  await partner.movement(page.uid, 'choice');
  partner.choose(reply(page.client.hand));
  await page.movement(partner.uid, 'choice');
  await finish(start, [page, partner]);
}

describe('the 2016 mini program', AT_ONCE, () => {
  game('has a seat again 3 s after it lost', { flags: { 'robot-wait': '1s', 'rematch-wait': '1s' } }, async (arena) => {
    const [page, partner] = await arena.pair(MINI_PROGRAM_2016, NATIVE);
    await round(page, partner, beating);
    assert.ok(page.client.buttonDead);
    const lostAt = page.lastAt('result');

    await page.next('room', ({ users }) => users.length === 1 && users[0].uid === page.uid);
    const waited = page.lastAt('room') - lostAt;
    assert.ok(waited > RESEATED_AFTER - 1_000 && waited < RESEATED_AFTER + 2_000, `seated after ${waited} ms`);

    const start = await page.start();
    assert.ok(start.roomUsers.some((user) => user.robot), 'nobody else was there');
    await finish(start, [page]);
  });

  game('has a seat again when its partner asks again', { flags: PATIENT_ROBOT }, async (arena) => {
    const [page, partner] = await arena.pair(MINI_PROGRAM_2016, NATIVE);
    await round(page, partner, beating);
    assert.ok(page.client.buttonDead);

    const askedAt = Date.now();
    await partner.join();
    const [start] = await Promise.all([page.start(), partner.start()]);
    assert.ok(Date.now() - askedAt < RESEATED_AFTER - 500, 'the winner need not wait for the loser');
    assert.ok(start.roomUsers.some((user) => user.uid === partner.uid), 'the same two again');
    assert.ok(!page.client.buttonDead);
    await finish(start, [page, partner]);
  });

  game('is not seated unasked when it won, nor is anybody else', { flags: PATIENT_ROBOT }, async (arena) => {
    const [page, partner] = await arena.pair(MINI_PROGRAM_2016, client('socket.io-client 2.5'));
    await round(page, partner, beatenBy);
    assert.equal(page.client.outcome, 1);

    const heard = () => [page, partner].flatMap((player) => player.heard).filter(({ event }) => ['room', 'start'].includes(event)).length;
    const before = heard();
    await pause(RESEATED_AFTER + 1_000);
    assert.equal(heard(), before, 'nobody asked, nobody sits');
  });

  game('meets a name with a line separator', { flags: PATIENT_ROBOT }, async (arena) => {
    const uname = 'Li\u2028Lei\u2029!';
    const page = await arena.player(MINI_PROGRAM_2016);
    const partner = await arena.player(NATIVE, { uname });
    const start = await meet(page, partner);
    assert.equal(start.roomUsers.find((user) => user.uid === partner.uid).uname, uname);
    await finish(start, [page, partner]);
    assert.ok(!page.client.received.some((frame) => /[\u2028\u2029]/.test(frame)), 'both are escaped');
  });

  game('gets a whole result after its partner left', { flags: PATIENT_ROBOT }, async (arena) => {
    const [page, partner] = await arena.pair(MINI_PROGRAM_2016, NATIVE);
    const start = await meet(page, partner);
    partner.send('leave');
    await page.next('leave', ({ uid }) => uid === partner.uid);
    await finish(start, [page], [partner.uid]);
    assert.equal(page.client.outcome, 1);
  });

  const impatient = { 'ping-interval': '1s', 'ping-timeout': '1s' };
  game('never pings, is silent for long, and still plays', { flags: impatient, own: true }, async (arena) => {
    const page = await arena.player(MINI_PROGRAM_2016);
    await pause(6_000);
    await playRobot(page);
    assert.ok(page.client.sent.every((frame) => frame.startsWith('42[')), 'not one ping');
    assert.ok(!page.heard.some(({ event }) => event === 'disconnect'), 'it was never cut off');
  });
});
