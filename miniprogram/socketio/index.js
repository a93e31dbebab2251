// @ts-check
// A Socket.IO client for WeChat Mini Programs: one connection over wx.connectSocket that comes back by itself.
//
// Engine.IO 4 on a WebSocket and Socket.IO 5 in the default namespace, as text. Listeners and acknowledgements are never
// called from within a call of one of the methods, and nothing is thrown out of a callback of WeChat's.

const { backoff } = require('./backoff.js');
const { Emitter, callSafely } = require('./emitter.js');

/**
 * @typedef {import('./emitter.js').Listener} Listener
 *
 * @typedef {object} Options
 * @property {(option: WechatMiniprogram.ConnectSocketOption) => WechatMiniprogram.SocketTask} [connect] instead of
 *   `wx.connectSocket`
 * @property {number} [queue] how many messages are kept while there is no connection; 32
 * @property {number} [ackTimeout] how long an acknowledgement may take, in ms; 8000
 * @property {number} [openTimeout] how long a connection may take until it can be used, in ms; 10 000
 * @property {number} [wakeTimeout] how long the server may take to show that it is still there after `wake`, in ms; 4000
 * @property {() => number} [random] instead of `Math.random`
 */

/** What this class says itself: no server can. */
const OWN_EVENTS = ['connect', 'connect_error', 'disconnect', 'reconnecting'];
/** A Socket.IO packet: type, namespace, acknowledgement id, JSON. */
const PACKET = /^(\d)(\/[^,]*,?)?(\d*)([\s\S]*)$/;
/**
 * An Engine.IO 4 client has no ping. But a server must answer whoever asks for a namespace, if only to say that there
 * is none of that name.
 */
const PROBE = '40/probe,';

/**
 * Has `on`, `once` and `off`. Where the server asks for an acknowledgement of its event, listeners get one argument more: a
 * function to call with the answer. The events of its own are in the README.
 */
class Socket extends Emitter {
  /**
   * Does nothing until `open`.
   * @param {string} url where Socket.IO is served, such as `wss://game.example.com/socket.io/`
   * @param {Options} [options]
   */
  constructor(url, options = {}) {
    super();
    const {
      connect = (/** @type {WechatMiniprogram.ConnectSocketOption} */ option) => wx.connectSocket(option),
      queue = 32, ackTimeout = 8000, openTimeout = 10000, wakeTimeout = 4000, random = Math.random,
    } = options;
    this._url = `${url}${url.indexOf('?') < 0 ? '?' : '&'}EIO=4&transport=websocket`;
    this._connectSocket = connect;
    this._random = random;
    this._queueLimit = queue;
    this._ackTimeout = ackTimeout;
    this._openTimeout = openTimeout;
    this._wakeTimeout = wakeTimeout;

    /** What was emitted while there was no connection. @type {{id: number | null, text: string}[]} */
    this._queue = [];
    /** Who waits for an acknowledgement. @type {Map<number, {callback: Listener, timer: ReturnType<typeof setTimeout>}>} */
    this._acks = new Map();
    this._nextId = 0;

    this._wanted = false;
    this._asleep = false;
    this._connected = false;
    /** Whether the answer to a probe is awaited, and nothing else counts as life. */
    this._probing = false;
    /** @type {WechatMiniprogram.SocketTask | null} */
    this._task = null;
    /** Grows with every task and every end of one: what an earlier task still has to say is for nobody. */
    this._generation = 0;
    /** Tries since the last connection that worked. */
    this._attempt = 0;
    /** How long to stay away when this connection closes, in ms; null: as long as `backoff` says. @type {number | null} */
    this._absence = null;
    /** Until the connection is believed dead, or until the next try. @type {ReturnType<typeof setTimeout>} */
    this._timer = 0;
    /** How long an established connection may be silent, as the server has it, in ms; 0 before the handshake. */
    this._pulse = 0;
    this._heardAt = 0;
  }

  /** Whether the server has let us in and the connection is not known to be lost. */
  get connected() {
    return this._connected;
  }

  /** Connects, and again whenever the connection is lost. Ends a pause between two tries, if there is one. */
  open() {
    this._wanted = true;
    if (this._task === null) this._dial();
  }

  /** Closes for good, until `open` or `redial`; messages that wait for a connection are thrown away. */
  close() {
    this._wanted = false;
    this._attempt = 0;
    this._queue = [];
    this._drop('io client disconnect');
  }

  /** Drops the connection and opens another one now: for a caller that knows better, because an answer is overdue. */
  redial() {
    this._wanted = true;
    this._drop('redial');
    this._dial();
  }

  /**
   * When this connection closes, the next one is opened so much later, instead of after the usual pause: for a server that
   * says when to come back. `open`, `redial` and `wake` do not wait for it.
   * @param {number} delay ms
   */
  postpone(delay) {
    this._absence = delay;
  }

  /**
   * For `App.onHide`. An open connection is left alone, and used as long as WeChat lets the scripts run. But nothing is
   * timed, and no connection is opened, until `wake`.
   */
  sleep() {
    this._asleep = true;
    this._probing = false;
    clearTimeout(this._timer);
  }

  /**
   * For `App.onShow`, or when the network has changed. Connects at once where there is no connection, or one that has been
   * silent for too long; any other has to prove itself within `wakeTimeout`.
   */
  wake() {
    this._asleep = false;
    this._attempt = 0;
    if (!this._wanted) return;
    const silence = Math.max(0, Date.now() - this._heardAt);
    const left = (this._connected ? this._pulse : this._openTimeout) - silence;
    if (this._task !== null && left <= 0) this._giveUp();
    if (this._task === null) this._dial();
    else if (this._connected) this._probe();
    else this._watch(left);
  }

  /**
   * Sends an event, or keeps it until there is a connection.
   * @param {string} event
   * @param {...any} args what JSON can hold. A function at the end gets the acknowledgement, `(error, ...answer)`: `error`
   *   is null, or an Error with the message `timeout`, `disconnected` (it was sent, and nobody knows whether it arrived)
   *   or `queue full`.
   * @returns {boolean} false if it was refused because too many messages wait already
   * @throws {TypeError} where JSON cannot hold the arguments
   */
  emit(event, ...args) {
    const callback = typeof args[args.length - 1] === 'function' ? args.pop() : null;
    const json = JSON.stringify([event, ...args]);
    const refused = !this._connected && this._queue.length >= this._queueLimit;
    const id = callback === null ? null : this._nextId++;
    if (id !== null) {
      const error = new Error(refused ? 'queue full' : 'timeout');
      const timer = setTimeout(() => this._acknowledge(id, error), refused ? 0 : this._ackTimeout);
      this._acks.set(id, { callback, timer });
    }
    if (refused) return false;
    const text = `42${id === null ? '' : id}${json}`;
    if (this._connected) this._send(text);
    else this._queue.push({ id, text });
    return true;
  }

  // The connection.

  _dial() {
    // WeChat opens no connection for what is hidden.
    if (this._asleep) return;
    this._generation += 1;
    this._heardAt = Date.now();
    this._pulse = 0;
    this._watch(this._openTimeout);

    const generation = this._generation;
    /** @type {<Event>(action: (event: Event) => void) => (event: Event) => void} */
    const whileCurrent = (action) => (event) => {
      if (generation === this._generation) callSafely(action, event);
    };
    const broken = whileCurrent((/** @type {{errMsg?: string} | undefined} */ event) => {
      this._lost('transport error', event && event.errMsg);
    });
    try {
      const task = this._connectSocket({ url: this._url, timeout: this._openTimeout, tcpNoDelay: true, fail: broken });
      if (generation !== this._generation) return hangUp(task);
      this._task = task;
      // A task that was closed before it had opened opens all the same, and is one of the five that WeChat allows.
      task.onOpen(() => generation === this._generation || hangUp(task));
      task.onMessage(whileCurrent((event) => this._receive(event.data)));
      task.onError(broken);
      task.onClose(whileCurrent(() => this._lost('transport close')));
    } catch (error) {
      broken({ errMsg: String(error) });
    }
  }

  /** Ends the connection, or the try, without deciding what comes next. @param {string} reason */
  _drop(reason) {
    const task = this._task;
    const wasConnected = this._connected;
    this._generation += 1;
    this._task = null;
    this._connected = false;
    this._probing = false;
    this._absence = null;
    clearTimeout(this._timer);
    if (task !== null) hangUp(task);

    const unsent = this._queue.map(({ id }) => id);
    const unanswered = Array.from(this._acks.keys()).filter((id) => unsent.indexOf(id) < 0);
    later(() => {
      for (const id of unanswered) this._acknowledge(id, new Error('disconnected'));
      if (wasConnected) this._tell('disconnect', [reason]);
    });
  }

  /** The connection, or the try, has failed: the next one follows. @param {string} reason @param {string} [details] */
  _lost(reason, details) {
    const failed = !this._connected;
    const absence = this._absence;
    this._drop(reason);
    if (failed) later(() => this._tell('connect_error', [new Error(details || reason)]));
    if (this._asleep) return;
    const delay = absence === null ? backoff(this._attempt, this._random) : absence;
    this._attempt += 1;
    this._timer = setTimeout(() => this._dial(), delay);
    const { _generation: generation, _attempt: attempt } = this;
    later(() => {
      // A listener may have decided otherwise meanwhile.
      if (generation === this._generation) this._tell('reconnecting', [{ attempt, delay }]);
    });
  }

  _giveUp() {
    this._lost(this._connected ? 'ping timeout' : 'timeout');
  }

  /** Believes the connection dead after so many ms without another call of this. @param {number} timeout */
  _watch(timeout) {
    clearTimeout(this._timer);
    if (!this._asleep) this._timer = setTimeout(() => this._giveUp(), timeout);
  }

  _heard() {
    this._heardAt = Date.now();
    if (!this._probing) this._watch(this._pulse);
  }

  _probe() {
    if (this._probing) return;
    this._probing = true;
    this._watch(this._wakeTimeout);
    this._send(PROBE);
  }

  /** @param {string} text */
  _send(text) {
    const generation = this._generation;
    const fail = () => {
      if (generation === this._generation) this._lost('transport error');
    };
    try {
      if (this._task !== null) this._task.send({ data: text, fail });
    } catch (error) {
      fail();
    }
  }

  // What the server says. What is not understood is ignored.

  /** An Engine.IO packet. @param {string | ArrayBuffer} data */
  _receive(data) {
    if (typeof data !== 'string') return;
    if (this._connected) this._heard();
    switch (data.charAt(0)) {
      case '0': return this._shakeHands(parse(data.slice(1)));
      case '1': return this._lost('transport close');
      case '2':
        this._proved();
        return this._send(`3${data.slice(1)}`);
      case '4': return this._readPacket(data.slice(1));
    }
  }

  /** @param {any} handshake */
  _shakeHands(handshake) {
    if (this._pulse > 0) return;
    if (!handshake || !isTime(handshake.pingInterval) || !isTime(handshake.pingTimeout)) return this._lost('parse error');
    this._pulse = handshake.pingInterval + handshake.pingTimeout;
    this._send('40');
  }

  /** A Socket.IO packet. @param {string} text */
  _readPacket(text) {
    const match = PACKET.exec(text);
    if (match === null) return;
    const [, type, namespace, id, json] = match;
    const content = parse(json);
    // We have asked for one namespace only, and not to get it.
    if (namespace) return this._probed();
    switch (type) {
      case '0': return this._welcomed(content);
      case '1': return this._lost('io server disconnect');
      case '2': return this._dispatch(content, id);
      case '3':
        this._proved();
        if (Array.isArray(content) && id) this._acknowledge(Number(id), null, content);
        return;
      case '4':
        if (!this._connected) this._lost('connect refused', content && content.message);
    }
  }

  /** @param {any} content */
  _welcomed(content) {
    if (this._connected || this._pulse === 0 || !content || typeof content.sid !== 'string') return;
    this._connected = true;
    this._heard();
    // Before what has waited: who comes back has to say who it is first.
    this._tell('connect', []);
    while (this._connected && this._queue.length > 0) this._send(this._queue.splice(0, 1)[0].text);
  }

  /** Only what a working server says starts the delays anew: one that lets us in and throws us out again does not. */
  _proved() {
    if (this._connected) this._attempt = 0;
  }

  _probed() {
    if (!this._probing) return;
    this._probing = false;
    this._heard();
  }

  /** @param {any} content @param {string} id empty where no acknowledgement is asked for */
  _dispatch(content, id) {
    if (!this._connected || !Array.isArray(content)) return;
    const [event, ...args] = content;
    if (OWN_EVENTS.indexOf(event) >= 0) return;
    this._proved();
    if (id) args.push(this._answerTo(id));
    this._tell(event, args);
  }

  /** @param {string} id @returns {Listener} good for one answer, on this connection */
  _answerTo(id) {
    const generation = this._generation;
    let answered = false;
    return (...answer) => {
      if (answered || generation !== this._generation) return;
      answered = true;
      this._send(`43${id}${JSON.stringify(answer)}`);
    };
  }

  /** @param {number} id @param {Error | null} error @param {any[]} [answer] */
  _acknowledge(id, error, answer = []) {
    const ack = this._acks.get(id);
    if (ack === undefined) return;
    this._acks.delete(id);
    clearTimeout(ack.timer);
    // Who has been told that it failed may say it again: it must not go out twice.
    this._queue = this._queue.filter((message) => message.id !== id);
    callSafely(ack.callback, error, ...answer);
  }
}

/** After the call that is being made has returned. @param {() => void} action */
function later(action) {
  Promise.resolve().then(action);
}

/** @param {WechatMiniprogram.SocketTask} task */
function hangUp(task) {
  // Closed already, or never there, is closed.
  try {
    task.close({ code: 1000, fail() {} });
  } catch (error) {}
}

/** @param {string} json @returns {any} undefined if it is none */
function parse(json) {
  try {
    return JSON.parse(json);
  } catch (error) {
    return undefined;
  }
}

/** Two such times, added, still fit into a timer. @param {unknown} ms */
function isTime(ms) {
  return typeof ms === 'number' && ms > 0 && ms < 1e9;
}

module.exports = { Socket };
