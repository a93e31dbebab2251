// The official socket.io-client, versions 1 to 4.

import { createRequire } from 'node:module';
import { BASE_PATH, Client, GAME_EVENTS, packet, trust } from './client.mjs';

const require = createRequire(import.meta.url);

const TRANSPORTS = {
  websocket: ['websocket'],
  polling: ['polling'],
  upgrade: ['polling', 'websocket'],
};

export class SocketIoClient extends Client {
  acknowledges = true;
  reconnects = true;
  #io;
  #socket;

  constructor(version) {
    super();
    this.#io = require(`socket.io-client-${version}`);
  }

  async connect(url, { transport = 'websocket', base = BASE_PATH, ca } = {}) {
    const socket = this.#io(url, {
      path: `${base}/socket.io`,
      transports: TRANSPORTS[transport],
      forceNew: true,
      reconnectionDelay: 100,
      randomizationFactor: 0,
      ...trust(ca),
    });
    this.#socket = socket;
    socket.on('connect', () => this.#announce(transport));
    socket.on('disconnect', () => this.emit('disconnect'));
    // While it connects again by itself a failed attempt is no news.
    let first = true;
    socket.on('connect', () => (first = false));
    for (const event of ['connect_error', 'error']) {
      socket.on(event, (error) => first && this.fail(error));
    }
    for (const event of GAME_EVENTS) {
      socket.on(event, (data) => this.emit(event, data));
    }
    await this.opened();
  }

  /** Who asked for an upgrade has connected when the upgrade is done. */
  #announce(transport) {
    const { engine } = this.#socket.io;
    if (transport !== 'upgrade' || engine.transport.name === 'websocket') {
      this.emit('connect');
    } else {
      engine.once('upgrade', () => this.emit('connect'));
    }
  }

  transport() {
    return this.#socket.io.engine.transport.name;
  }

  send(event, payload, acknowledged) {
    this.#socket.emit(...packet(event, payload), ...(acknowledged ? [acknowledged] : []));
  }

  close() {
    this.#socket?.disconnect();
  }
}
