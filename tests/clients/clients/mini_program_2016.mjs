// The Mini Program of 2016, byte for byte on the wire and with its weaknesses: two slashes in its address,
// a parser whose `.` stops at U+2028, no ping ever, no patience for entries that are missing, and a button
// that is dead after a lost round.

import WebSocket from 'ws';
import { BASE_PATH, Client, trust } from './client.mjs';

const FRAME = /^(\d)(\d?)(.*)$/;
const MESSAGE = '4';
const EVENT = '2';

export class MiniProgram2016 extends Client {
  /** The hand it showed last, and what it thinks of the last round. */
  hand = null;
  outcome = null;
  buttonDead = false;
  /** Everything that came and went, as text. */
  received = [];
  sent = [];
  #socket;
  #uid;
  #partner;

  async connect(url, { base = BASE_PATH, ca } = {}) {
    const address = `${url.replace(/^http/, 'ws').replace(/\/$/, '')}${base}/socket.io//?EIO=3&transport=websocket`;
    this.#socket = new WebSocket(address, trust(ca));
    this.#socket.on('error', (error) => this.fail(error));
    this.#socket.on('close', () => this.emit('disconnect'));
    this.#socket.on('message', (frame) => {
      this.received.push(String(frame));
      try {
        this.#read(String(frame));
      } catch (error) {
        this.fail(new Error(`the page broke: ${error.message}, on ${frame}`, { cause: error }));
      }
    });
    // It talks as soon as the socket is open, whatever the server has to say first.
    this.#socket.on('open', () => this.emit('connect'));
    await this.opened();
  }

  transport() {
    return 'websocket';
  }

  hello(profile) {
    this.#uid = profile.user.uid;
    super.hello(profile);
  }

  send(event, payload) {
    if (event === 'join' && this.buttonDead) return;
    if (event === 'choice') this.hand = payload.choice;
    const frame = `42${JSON.stringify(payload === undefined ? [event] : [event, payload])}`;
    this.sent.push(frame);
    this.#socket.send(frame);
  }

  close() {
    this.#socket?.close();
  }

  #read(frame) {
    const [, kind, message, data] = FRAME.exec(frame);
    if (kind !== MESSAGE || message !== EVENT) return;
    const [event, payload] = JSON.parse(data);
    if (event === 'start') this.#start(payload);
    if (event === 'result') this.#result(payload);
    this.emit(event, payload);
  }

  #start({ roomUsers }) {
    this.buttonDead = false;
    this.#partner = roomUsers.find((user) => user.uid !== this.#uid).uid;
    this.send('choice', { choice: 1 + Math.floor(Math.random() * 3) });
  }

  #result({ result }) {
    const mine = result.find((entry) => entry.uid === this.#uid);
    const theirs = result.find((entry) => entry.uid !== this.#uid);
    this.outcome = Math.sign(mine.roundScore - theirs.roundScore);
    if (theirs.uid !== this.#partner) throw new Error(`${theirs.uid} is not who it played against`);
    if (this.outcome < 0) this.buttonDead = true;
  }
}
