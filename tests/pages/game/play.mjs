// A game with its clock in the test's hand, and what the server says to it.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
export const { Game, RESULT_GRACE } = require('../../../miniprogram/game/game.js');

export const ME = { uid: 'me', name: 'Me', picture: 'https://a.example/avatars/fox.svg' };
export const SEATS = [
  { uid: 'me', uname: 'Me', uavatar: ME.picture, totalScore: 3, winStreak: 2 },
  { uid: 'you', uname: 'You', uavatar: '', totalScore: 0, winStreak: 0 },
];
export const HI = { message: 'welcome', nearby: 4, token: 'secret' };

/** A game with a clock in its hand. */
export class Play {
  now = 1000;

  constructor(options = {}) {
    let fresh = 0;
    this.game = new Game({ person: ME, freshUid: () => `fresh${(fresh += 1)}`, guestName: () => 'Guest', ...options });
  }

  /** The effects since the last time: events by their name, others by their kind. */
  effects() {
    const all = [];
    for (let effect = this.game.poll(); effect; effect = this.game.poll()) all.push(effect);
    return all;
  }

  said() {
    return this.effects().filter(({ kind }) => kind === 'send').map(({ event, data }) => (data?.choice ? `${event} ${data.choice}` : event));
  }

  kinds() {
    return this.effects().map(({ kind, event, cue }) => event ?? cue ?? kind);
  }

  hears(event, data = {}) {
    this.game.receive(event, data, this.now);
    return this;
  }

  /** So much time passes, and every deadline in it is kept. */
  wait(ms) {
    const until = this.now + ms;
    for (let due = this.game.deadline(); due !== null && due <= until; due = this.game.deadline()) {
      this.now = Math.max(this.now, due);
      this.game.elapse(this.now);
    }
    this.now = until;
    return this;
  }

  /** So much time passes, and nobody looks at a clock meanwhile. */
  sleep(ms) {
    this.now += ms;
    this.game.elapse(this.now);
    return this;
  }

  /** Lets the time pass to the next deadline, as a driver does; that a new screen has settled is none of interest here. */
  untilDue() {
    if (!this.game.settled) this.wait(350);
    const due = this.game.deadline();
    assert.notEqual(due, null, 'nothing will ever happen again');
    this.now = Math.max(this.now, due);
    this.game.elapse(this.now);
    return this;
  }

  does(what, ...args) {
    this.game[what](...args, this.now);
    return this;
  }

  open() {
    return this.does('opened');
  }

  online() {
    this.open().hears('hi', HI);
    this.effects();
    return this;
  }

  playing(gameTime = 5) {
    this.online().does('play').hears('room', room()).hears('start', { gameTime, roomUsers: SEATS });
    this.effects();
    return this;
  }

  get stage() {
    return this.game.stage;
  }
}

export function room(...others) {
  return { roomId: 'r', full: false, users: [{ uid: 'me', uname: 'Me' }, ...others.map((uid) => ({ uid, uname: uid }))] };
}

export function result(mine, yours, { roundScore = 0, totalScore = 3, winStreak = 0 } = {}) {
  return { result: [
    { uid: 'me', choice: mine, roundScore, totalScore, winStreak },
    { uid: 'you', choice: yours, roundScore: 0, totalScore: 0, winStreak: 0 },
  ] };
}
