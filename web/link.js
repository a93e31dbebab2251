// The page's connection, which comes back by itself: a native WebSocket, or polling where there is none.

import { Polling } from '../miniprogram/game/polling.js';
import { restartDelay } from '../miniprogram/game/wire.js';
import { backoff } from '../miniprogram/socketio/backoff.js';

/** How long a connection may take to open, in ms. */
const OPEN_TIMEOUT = 10_000;
/** How long a WebSocket may be silent before polling is tried instead: some proxies let it hang, or open it and pass nothing on. */
const SOCKET_TIMEOUT = 2_500;

/** @typedef {InstanceType<typeof Polling>} Slow */

/** A `readyState`; where there is no WebSocket, there is no name for it either. */
const OPEN = 1;

/** A `Link` of player.js; page.js hands it to `drive`, which holds it to that. */
export class PageLink {
  /** @type {import('../miniprogram/game/player.js').Listener | null} */
  #listener = null;
  /** @type {WebSocket | Slow | null} */
  #socket = null;
  #wanted = false;
  #asleep = false;
  /** Tries since the server last said something. */
  #attempt = 0;
  /** How long the server wants us to stay away when it closes, in ms. @type {number | null} */
  #absence = null;
  /** Runs while a connection opens, or until the next try. @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {string} address `wss://HOST/PATH` */
  constructor(address) {
    this.address = address;
    this.polling = `${address.replace(/^ws/, 'http')}/socket.io/`;
  }

  /** @param {import('../miniprogram/game/player.js').Listener} listener */
  listen(listener) {
    this.#listener = listener;
  }

  /** @param {string} event @param {object} [data] */
  send(event, data) {
    if (this.#socket?.readyState === OPEN) this.#socket.send(JSON.stringify({ event, data }));
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

  /** The page is put away. Browsers keep a page that has nothing open, and let go of one that has. */
  sleep() {
    if (!this.#wanted) return;
    this.#wanted = false;
    this.#asleep = true;
    this.#drop();
    this.#listener?.closed();
  }

  /** The page is taken out again, as it was. */
  wake() {
    if (!this.#asleep) return;
    this.#asleep = false;
    this.dial();
  }

  /** Each new connection is first tried as a WebSocket: the network may be another. */
  #open() {
    clearTimeout(this.#timer);
    const socket = webSocket(this.address);
    if (socket) this.#await(socket, SOCKET_TIMEOUT);
    else this.#poll();
  }

  #poll() {
    this.#await(new Polling(this.polling, ask), OPEN_TIMEOUT);
  }

  /** @param {WebSocket | Slow} socket @param {number} timeout until the first word of the server */
  #await(socket, timeout) {
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#lost(socket), timeout);
    let heard = false;
    socket.onopen = () => socket === this.#socket && this.#listener?.opened(socket instanceof Polling);
    socket.onmessage = (/** @type {{data: string}} */ { data }) => {
      if (socket !== this.#socket) return;
      if (!heard) clearTimeout(this.#timer);
      heard = true;
      this.#attempt = 0;
      const message = parse(data);
      if (message?.event === 'restart') this.#absence = restartDelay(message.data);
      else if (message) this.#listener?.received(message.event, message.data);
    };
    socket.onclose = () => this.#lost(socket, heard);
  }

  /** @param {WebSocket | Slow} socket @param {boolean} [heard] whether it has ever worked */
  #lost(socket, heard = false) {
    // A connection that was dropped still says that it has closed, a while later.
    if (socket !== this.#socket) return;
    const delay = this.#absence ?? backoff(this.#attempt);
    this.#drop();
    if (heard || socket instanceof Polling) {
      this.#timer = setTimeout(() => this.#open(), delay);
      this.#attempt += 1;
    } else {
      this.#poll();
    }
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

/** Null where there is none: an old proxy's browser, or one whose owner has switched it off. @param {string} address */
function webSocket(address) {
  try {
    return new WebSocket(address);
  } catch {
    return null;
  }
}

/** @type {import('../miniprogram/game/polling.js').Ask} */
async function ask(url, body) {
  const posts = body !== undefined;
  // What is posted last is the good-bye of a page that goes: `keepalive` lets it out.
  const answer = await fetch(url, { method: posts ? 'POST' : 'GET', body, keepalive: posts, cache: 'no-store' });
  if (!answer.ok) throw new Error(`polling: ${answer.status}`);
  return answer.text();
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
