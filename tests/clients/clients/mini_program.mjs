// The two Socket.IO ports for WeChat Mini Programs that people installed: wxapp-socket-io (2016, Engine.IO 3)
// and weapp.socket.io (2021, Engine.IO 4). Both only know the WebSocket transport.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { BASE_PATH, Client, GAME_EVENTS, packet } from './client.mjs';
import { makeWx } from './wx.mjs';

const require = createRequire(import.meta.url);

/** A fresh copy of a library that expects WeChat's globals: they keep their state in the module. */
function load(name, globals) {
  const file = require.resolve(name);
  const module = { exports: {} };
  const scope = { module, exports: module.exports, require: createRequire(file), ...globals };
  new Function(...Object.keys(scope), readFileSync(file, 'utf8'))(...Object.values(scope));
  return module.exports;
}

class MiniProgramClient extends Client {
  reconnects = true;
  socket;

  listen() {
    this.socket.on('connect', () => this.emit('connect'));
    this.socket.on('disconnect', () => this.emit('disconnect'));
    for (const event of GAME_EVENTS) {
      this.socket.on(event, (data) => this.emit(event, data));
    }
  }

  transport() {
    return 'websocket';
  }
}

export class WxappSocketIo extends MiniProgramClient {
  #wx;

  async connect(url, { base = BASE_PATH, ca } = {}) {
    this.#wx = makeWx({ ca, generation: 'page' });
    const io = load('wxapp-socket-io', { wx: this.#wx, __wxConfig: { debug: false } });
    // It needs the scheme of the WebSocket, and a path without a slash in front.
    this.socket = io(url.replace(/^http/, 'ws').replace(/\/$/, ''), {
      path: `${base}/socket.io`.slice(1),
      reconnectionDelay: 100,
      randomizationFactor: 0.01,
    });
    this.listen();
    await this.opened();
  }

  send(event, payload) {
    this.socket.emit(...packet(event, payload));
  }

  /** Its own `close` calls a method that does not exist. */
  close() {
    if (!this.socket) return;
    this.socket.io.skipReconnect = true;
    this.#wx.closeSocket();
  }
}

export class WeappSocketIo extends MiniProgramClient {
  acknowledges = true;

  async connect(url, { base = BASE_PATH, ca } = {}) {
    const io = load('weapp.socket.io', { wx: makeWx({ ca }), window: {} });
    this.socket = io(url, {
      path: `${base}/socket.io`,
      transports: ['websocket'],
      forceNew: true,
      reconnectionDelay: 100,
      randomizationFactor: 0,
    });
    this.listen();
    await this.opened();
  }

  send(event, payload, acknowledged) {
    this.socket.emit(...packet(event, payload), ...(acknowledged ? [acknowledged] : []));
  }

  close() {
    this.socket?.disconnect();
  }
}
