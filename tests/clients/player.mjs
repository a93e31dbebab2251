// Somebody at a client: knows who it is, remembers what it was told, and waits for what comes next.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { GAME_EVENTS, PATIENCE } from './clients/client.mjs';
import { checkHi, checkMovement, checkRoom, checkStart, isInvitation } from './rules.mjs';

/** A place of one's own, away from whoever else is on the server. */
export function somewhere() {
  return { lat: 60 * Math.random() + 10, lng: 300 * Math.random() - 150 };
}

/** Neither Latin nor within one UTF-16 unit: polling clients of each version count such names in their own way. */
const nameOf = (library) => `武 ${library} 🀄`;

export class Player {
  /** Everything heard so far: `{event, data, at}`. */
  heard = [];
  joinedAt = 0;
  #read = new Set();
  #waiting = new Set();
  #broken;

  constructor(kind, { uname = nameOf(kind.library), place } = {}) {
    this.kind = kind;
    this.client = kind.make();
    this.uid = `${kind.library.replace(/\W+/g, '-')}-${randomBytes(4).toString('hex')}`;
    this.profile = {
      user: { uid: this.uid, uname, uavatar: 'https://example.com/face.png' },
      ...(place && { cordinate: place }),
    };
    for (const event of ['connect', 'disconnect', ...GAME_EVENTS]) {
      this.client.on(event, (data) => this.#hear(event, data));
    }
    this.client.on('broken', (error) => {
      this.#broken ??= error;
      this.#wake();
    });
  }

  async connect(server) {
    await this.client.connect(server.url, { transport: this.kind.transport, base: server.base, ca: server.ca });
    await this.next('connect');
    this.checkTransport();
  }

  /** It must really talk over what it was asked to talk over. */
  checkTransport() {
    const expected = this.kind.transport === 'polling' ? 'polling' : 'websocket';
    assert.equal(this.client.transport(), expected, `${this.kind.name} is connected over ${expected}`);
  }

  /** Says who it is. A token proves that the uid is its own. */
  sayHello() {
    this.client.hello({ ...this.profile, ...(this.token && { token: this.token }) });
  }

  /** Says who it is, and returns the `hi`. */
  async hello() {
    this.sayHello();
    return this.welcome();
  }

  async welcome() {
    const hi = await this.next('hi');
    checkHi(hi);
    this.token = hi.token;
    return hi;
  }

  send(event, payload) {
    this.client.send(event, payload);
  }

  /** Sends and waits for the acknowledgement. */
  ask(event, payload) {
    const acknowledgement = `acknowledgement of ${event}`;
    this.client.send(event, payload, (answer) => this.#hear(acknowledgement, answer));
    return this.next(acknowledgement);
  }

  async join() {
    this.joinedAt = Date.now();
    this.send('join');
    checkRoom(await this.next('room', (room) => !isInvitation(room, this.uid)), this.uid);
  }

  async start() {
    const start = await this.next('start');
    checkStart(start, this.uid);
    return start;
  }

  choose(choice) {
    this.send('choice', { choice });
  }

  async movement(uid, kind) {
    const movement = await this.next('movement', (data) => data.uid === uid && data.movement === kind);
    checkMovement(movement);
    return movement;
  }

  /** The first message of this name that was not read yet, now or as soon as it comes. */
  next(event, fits = () => true, patience = PATIENCE) {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.heard.find((one) => one.event === event && !this.#read.has(one) && fits(one.data));
        if (found) {
          this.#read.add(found);
          finish(resolve, found.data);
        } else if (this.#broken) {
          finish(reject, this.#broken);
        }
      };
      const finish = (settle, value) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        settle(value);
      };
      const timer = setTimeout(
        () => finish(reject, new Error(`${this.uid} waited for ${event} in vain. It heard:\n${this.#tale()}`)),
        patience,
      );
      this.#waiting.add(look);
      look();
    });
  }

  /** When the last message of this name came. */
  lastAt(event) {
    return this.heard.findLast((one) => one.event === event).at;
  }

  /** Fails when something with its client went wrong that nobody waited for. */
  checkUnbroken() {
    if (this.#broken) throw this.#broken;
  }

  #hear(event, data) {
    this.heard.push({ event, data, at: Date.now() });
    this.#wake();
  }

  #wake() {
    for (const look of [...this.#waiting]) look();
  }

  #tale() {
    return this.heard.map(({ event, data }) => `  ${event} ${JSON.stringify(data) ?? ''}`).join('\n') || '  nothing';
  }
}
