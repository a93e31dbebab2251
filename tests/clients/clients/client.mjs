// What every client library looks like to the tests:
//
//   await client.connect(url, { transport, base, ca })   resolves when it may talk
//   client.hello({ user, cordinate })
//   client.send(event, payload, acknowledged)            both optional after `event`
//   client.on(event, listener)                           game events, `connect`, `disconnect`, `broken`
//   client.transport()                                   what it really talks over, by its own account
//   client.close()

import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';

/** Whatever a server does, it does it within so many milliseconds. */
export const PATIENCE = 15_000;
export const GAME_EVENTS = [
  'hi', 'nearby', 'room', 'start', 'movement', 'leave', 'away', 'back', 'result', 'fault', 'restart',
];
export const BASE_PATH = '/applet/websocket';

/** Some libraries prefer a browser's WebSocket when there is one, and that cannot be told which certificate to trust. */
delete globalThis.WebSocket;

export class Client extends EventEmitter {
  /** Whether `send` can ask for an acknowledgement. */
  acknowledges = false;
  /** Whether the library connects again by itself when the connection was cut. */
  reconnects = false;

  constructor() {
    super();
    this.setMaxListeners(0);
  }

  hello(profile) {
    this.send('hello', profile);
  }

  /** Resolves when `event` comes, rejects when the library reports an error first or stays silent. */
  opened(event = 'connect') {
    return new Promise((resolve, reject) => {
      const finish = (settle, value) => {
        clearTimeout(timer);
        this.off(event, connected);
        this.off('broken', broken);
        settle(value);
      };
      const connected = () => finish(resolve);
      const broken = (error) => finish(reject, error);
      const timer = setTimeout(() => broken(new Error(`no ${event} after ${PATIENCE} ms`)), PATIENCE);
      this.on(event, connected);
      this.on('broken', broken);
    });
  }

  fail(error) {
    this.emit('broken', error instanceof Error ? error : new Error(String(error)));
  }
}

/** TLS options as Node's own `tls` understands them: trust what is in that file, or anybody. */
export function trust(ca) {
  return ca ? { ca: readFileSync(ca), rejectUnauthorized: true } : { rejectUnauthorized: false };
}

/** Arguments of an emit: a message without a payload has no second element at all. */
export function packet(event, payload) {
  return payload === undefined ? [event] : [event, payload];
}
