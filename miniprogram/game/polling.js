// @ts-check
// The game's connection without a WebSocket: Engine.IO 4 over requests, with Socket.IO inside. It looks like a WebSocket of the
// native kind, `{event, data}` in and out, so that whoever has one can have the other.

/** Packets of a body are set apart by this. */
const SEPARATOR = '\x1e';
/** Packet types of Engine.IO, and of Socket.IO within a message. */
const OPEN = '0', CLOSE = '1', PING = '2', PONG = '3', CONNECT = '40', REFUSED = '44', LEFT = '41', EVENT = '42';

/**
 * @callback Ask a GET, or a POST of a body. Fails unless the answer is a good one
 * @param {string} url @param {string} [body]
 * @returns {Promise<string>}
 */

class Polling {
  /** @param {string} address of Socket.IO, with its last slash @param {Ask} ask */
  constructor(address, ask) {
    this._url = `${address}?EIO=4&transport=polling`;
    this._ask = ask;
    /** The session, once it is open. @type {string | null} */
    this._sid = null;
    /** @type {string[]} */
    this._outbox = [];
    this._posting = false;
    /** As a WebSocket counts: 0 connecting, 1 open, 3 closed. */
    this.readyState = 0;
    /** @type {(() => void) | null} */
    this.onopen = null;
    /** @type {((message: {data: string}) => void) | null} */
    this.onmessage = null;
    /** @type {(() => void) | null} */
    this.onclose = null;
    this._run();
  }

  /** @param {string} text `{event, data}` */
  send(text) {
    const { event, data } = JSON.parse(text);
    this._post(EVENT + JSON.stringify(data === undefined ? [event] : [event, data]));
  }

  close() {
    if (this.readyState === 3) return;
    // The server need not wait for somebody who says good-bye.
    if (this._sid) this._request(CLOSE).catch(() => {});
    this._end();
  }

  async _run() {
    try {
      const opened = await this._request();
      if (opened[0] !== OPEN) throw new Error('no session');
      this._sid = JSON.parse(opened.slice(1)).sid;
      if (this.readyState === 3) return void this._request(CLOSE).catch(() => {});
      this._post(CONNECT);
      // The next poll goes out when this one is answered: the server may hold each as long as it has nothing to say.
      while (this.readyState !== 3) for (const packet of (await this._request()).split(SEPARATOR)) this._read(packet);
    } catch {
      this._end();
    }
  }

  /** @param {string} packet */
  _read(packet) {
    if (this.readyState === 3) return;
    if (packet === PING) this._post(PONG);
    else if (packet === CLOSE || packet.startsWith(LEFT) || packet.startsWith(REFUSED)) this._end();
    else if (packet.startsWith(CONNECT) && this.readyState === 0) {
      this.readyState = 1;
      if (this.onopen) this.onopen();
    } else if (packet.startsWith(EVENT)) {
      const [event, data] = JSON.parse(packet.slice(EVENT.length));
      if (this.onmessage) this.onmessage({ data: JSON.stringify({ event, data }) });
    }
  }

  /** One post at a time, or they would overtake each other. @param {string} packet */
  async _post(packet) {
    this._outbox.push(packet);
    if (this._posting) return;
    this._posting = true;
    try {
      while (this._outbox.length > 0 && this.readyState !== 3) await this._request(this._outbox.splice(0).join(SEPARATOR));
    } catch {
      this._end();
    }
    this._posting = false;
  }

  /** @param {string} [body] */
  _request(body) {
    return this._ask(this._sid ? `${this._url}&sid=${encodeURIComponent(this._sid)}` : this._url, body);
  }

  _end() {
    if (this.readyState === 3) return;
    this.readyState = 3;
    if (this.onclose) this.onclose();
  }
}

module.exports = { Polling };
