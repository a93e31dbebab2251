// A WeChat that does only what a test tells it to, a phone with one client on it, and time that passes only when told to.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock } from 'node:test';
import { Socket } from '../../../miniprogram/socketio/index.js';

export const ADDRESS = 'wss://game.example.com/applet/websocket/socket.io/';
export const HANDSHAKE = '0{"sid":"e1","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":16384}';
/** How long the server of that handshake may be silent. */
export const PULSE = 45_000;
export const WELCOME = '40{"sid":"s1"}';
/** The answer to a probe. That the real server gives this very answer is a test of its own. */
export const NO_SUCH_NAMESPACE = '44/probe,{"message":"Invalid namespace"}';

/** A SocketTask that does only what a test tells it to, and never says of itself that it has closed. */
export class FakeTask {
  sent = [];
  closed = 0;
  sendFails = null;

  constructor(option) {
    this.option = option;
  }

  onOpen(listener) { this.opens = listener; }
  onMessage(listener) { this.says = (...all) => all.forEach((data) => listener({ data })); }
  onError(listener) { this.errs = (errMsg) => listener({ errMsg }); }
  onClose(listener) { this.closes = (code = 1006) => listener({ code, reason: '' }); }

  send({ data, fail }) {
    if (this.sendFails === 'throws') throw new Error('sendSocketMessage:fail');
    if (this.sendFails === 'fails') queueMicrotask(() => fail({ errMsg: 'sendSocketMessage:fail' }));
    else this.sent.push(data);
  }

  close({ code }) {
    assert.equal(code, 1000, 'WeChat takes 1000, or 3000 and above');
    this.closed += 1;
  }

  /** What went out since the last time. */
  taken() {
    return this.sent.splice(0);
  }
}

/** A phone with one client on it. */
export class Phone {
  tasks = [];
  /** What the client told, but for `reconnecting`. */
  told = [];
  pauses = [];
  /** Instead of opening a connection. */
  connect = null;

  constructor(options = {}) {
    const connect = (option) => {
      if (this.connect) return this.connect(option);
      this.tasks.push(new FakeTask(option));
      return this.task;
    };
    this.socket = new Socket(ADDRESS, { connect, random: () => 0, ...options });
    this.socket.on('connect', (...args) => this.told.push(['connect', ...args]));
    this.socket.on('disconnect', (...args) => this.told.push(['disconnect', ...args]));
    this.socket.on('connect_error', (error) => {
      assert.ok(error instanceof Error);
      this.told.push(['connect_error', error.message]);
    });
    this.socket.on('reconnecting', (pause) => this.pauses.push(pause));
  }

  /** The latest task. */
  get task() {
    return this.tasks.at(-1);
  }

  /** Tasks that nobody has closed. */
  get inUse() {
    return this.tasks.filter(({ closed }) => closed === 0).length;
  }

  open() {
    this.socket.open();
    return this;
  }

  /** The server lets the latest task in; what has waited for that, and nothing else, goes out. */
  letIn(...waited) {
    this.task.opens({});
    this.task.says(HANDSHAKE, WELCOME);
    assert.deepEqual(this.task.taken(), ['40', ...waited]);
    assert.equal(this.socket.connected, true);
    this.told.splice(0);
    return this;
  }

  /** A list of the names of these events, which grows as they come. */
  listen(...events) {
    const names = [];
    for (const event of events) this.socket.on(event, () => names.push(event));
    return names;
  }

  /** Emits. A list of the answers, each with null or what went wrong in front, which grows as they come. */
  ask(...message) {
    const answers = [];
    this.socket.emit(...message, (error, ...answer) => answers.push([error === null ? null : error.message, ...answer]));
    return answers;
  }

  /** What the client told since the last time. */
  async heard() {
    await settled();
    return this.told.splice(0);
  }

  /** The client tells nothing until exactly so many ms have passed, and then this. */
  async tellsAfter(ms, entry, why) {
    await pass(ms - 1);
    assert.deepEqual(await this.heard(), []);
    await pass(1);
    assert.deepEqual(await this.heard(), [entry], why);
  }
}

/** Everything that was put off until after the present call has happened. */
export function settled() {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Time passes in small steps: a timer that is set meanwhile is due in its own time. */
export async function pass(ms) {
  await settled();
  for (let left = ms; left > 0; left -= 100) mock.timers.tick(Math.min(left, 100));
  await settled();
}

/** What the client has put on the console. A test that means it to takes it away again. */
export const complaints = [];

/** Tests for which no real time passes, and nothing goes wrong unnoticed. */
export function inWeChat(what, tests) {
  describe(what, () => {
    beforeEach(() => {
      complaints.splice(0);
      mock.timers.enable({ apis: ['setTimeout', 'Date'] });
      // Node says in words that mock timers are new.
      mock.method(console, 'error', (complaint) => typeof complaint === 'string' || complaints.push(complaint));
    });

    afterEach(() => {
      mock.timers.reset();
      mock.restoreAll();
      assert.deepEqual(complaints, [], 'nothing went wrong unnoticed');
    });

    tests();
  });
}
