// The page's connection: a native WebSocket that comes back by itself.

import { restartDelay } from '../miniprogram/game/wire.js';
import { backoff } from '../miniprogram/socketio/backoff.js';

/** How long a connection may take to open, in ms. */
const OPEN_TIMEOUT = 10_000;

/** A `Link` of player.js; page.js hands it to `drive`, which holds it to that. */
export class WebSocketLink {
  /** @type {import('../miniprogram/game/player.js').Listener | null} */
  #listener = null;
  /** @type {WebSocket | null} */
  #socket = null;
  #wanted = false;
  /** Tries since the server last said something. */
  #attempt = 0;
  /** How long the server wants us to stay away when it closes, in ms. @type {number | null} */
  #absence = null;
  /** Runs while a connection opens, or until the next try. @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {string} address `wss://HOST/PATH` */
  constructor(address) {
    this.address = address;
  }

  /** @param {import('../miniprogram/game/player.js').Listener} listener */
  listen(listener) {
    this.#listener = listener;
  }

  /** @param {string} event @param {object} [data] */
  send(event, data) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ event, data }));
  }

  dial() {
    this.#wanted = true;
    if (this.#socket === null) this.#open();
  }

  redial() {
    this.#wanted = true;
    this.#drop();
    this.#open();
  }

  hurry() {
    if (this.#wanted && this.#socket === null) this.#open();
  }

  stop() {
    this.#wanted = false;
    this.#drop();
  }

  #open() {
    clearTimeout(this.#timer);
    const socket = new WebSocket(this.address);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#lost(socket), OPEN_TIMEOUT);
    socket.onopen = () => {
      if (socket !== this.#socket) return;
      clearTimeout(this.#timer);
      this.#listener?.opened();
    };
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      this.#attempt = 0;
      const message = parse(data);
      if (message?.event === 'restart') this.#absence = restartDelay(message.data);
      else if (message) this.#listener?.received(message.event, message.data);
    };
    socket.onclose = () => this.#lost(socket);
  }

  /** @param {WebSocket} socket */
  #lost(socket) {
    // A connection that was dropped still says that it has closed, a while later.
    if (socket !== this.#socket) return;
    const delay = this.#absence ?? backoff(this.#attempt);
    this.#drop();
    this.#timer = setTimeout(() => this.#open(), delay);
    this.#attempt += 1;
    this.#listener?.closed();
  }

  #drop() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    this.#absence = null;
    socket?.close();
  }
}

/** @param {unknown} text @returns {{event: string, data: unknown} | null} */
function parse(text) {
  try {
    const message = JSON.parse(String(text));
    return typeof message?.event === 'string' ? message : null;
  } catch {
    return null;
  }
}
