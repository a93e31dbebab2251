// A plain W3C WebSocket: one JSON object `{event, data}` a frame.

import WebSocket from 'ws';
import { BASE_PATH, Client, trust } from './client.mjs';

export class NativeClient extends Client {
  #socket;

  async connect(url, { base = BASE_PATH, ca } = {}) {
    this.#socket = new WebSocket(new URL(base, url.replace(/^http/, 'ws')), trust(ca));
    this.#socket.on('open', () => this.emit('connect'));
    this.#socket.on('error', (error) => this.fail(error));
    this.#socket.on('close', () => this.emit('disconnect'));
    this.#socket.on('message', (frame) => {
      const { event, data } = JSON.parse(frame);
      this.emit(event, data);
    });
    await this.opened();
  }

  transport() {
    return 'websocket';
  }

  send(event, payload) {
    this.#socket.send(JSON.stringify({ event, data: payload }));
  }

  close() {
    this.#socket?.close();
  }
}
