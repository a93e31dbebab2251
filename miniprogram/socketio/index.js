// @ts-check
// A Socket.IO client for WeChat Mini Programs: one connection over wx.connectSocket that comes back by itself.
//
// Engine.IO 4 (or 3) on a WebSocket and Socket.IO in the default namespace, as text. Listeners and acknowledgements are never
// called from within a call of one of the methods, and nothing is thrown out of a callback of WeChat's.

const { backoff } = require('./backoff.js');
const { Emitter, callSafely, later } = require('./emitter.js');
const { isTime, parse, readPacket, readRefusal, serverAddress, withQuery } = require('./wire.js');

/**
 * @typedef {import('./emitter.js').Listener} Listener
 * @typedef {import('./index.d.ts').SocketOptions} Options
 */

/** What this class says itself: no server can. */
const OWN_EVENTS = ['connect', 'connect_error', 'disconnect', 'reconnecting'];
/** So long after `onHide` WeChat stops the scripts and cuts the sockets, and does not always say so, in ms. */
const SUSPENDED = 5000;
/**
 * An Engine.IO 4 client has no ping. But a server must answer whoever asks for a namespace, if only to say that there
 * is none of that name.
 */
const PROBE = '40/probe,';
const OLD_SERVER = 'timeout: this seems to be a server of Socket.IO 2, which needs the option EIO: 3';

/**
 * Has `on`, `once` and `off`. Where the server asks for an acknowledgement of its event, listeners get one argument more: a
 * function to call with the answer. The events of its own are in the README.
 */
class Socket extends Emitter {
  /**
   * Does nothing until `connect`.
   * @param {string} url where Socket.IO is served, such as `wss://game.example.com/socket.io/`
   * @param {Options} [options]
   */
  constructor(url, options = {}) {
    super();
    const {
      connect = (/** @type {WechatMiniprogram.ConnectSocketOption} */ option) => wx.connectSocket(option),
      auth, query = {}, EIO = 4, queue = 32, ackTimeout = 8000, openTimeout = 10000, wakeTimeout = 4000, random = Math.random,
    } = options;
    /** The server's name for this connection. @type {string | undefined} */
    this.id = undefined;
    this.auth = auth;
    this.query = query;

    this._url = url;
    this._protocol = EIO;
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
    this._asleepSince = 0;
    this._connected = false;
    /** Whether the answer to a probe is awaited, and nothing else counts as life. */
    this._probing = false;
    /** Whether the task is from before the last look away, and has not shown since that it works. */
    this._doubtful = false;
    /** Whether the server shakes hands, and then lets people in, as Socket.IO 2 does. */
    this._older = false;
    this._old = false;
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
    /** Until the next ping; it is the client that pings in Engine.IO 3. @type {ReturnType<typeof setTimeout>} */
    this._pinger = 0;
    this._pingInterval = 0;
    /** The session of Engine.IO, which is all that Socket.IO 2 has. */
    this._sid = '';
    /** How long an established connection may be silent, as the server has it, in ms; 0 before the handshake. */
    this._pulse = 0;
    this._heardAt = 0;
  }

  /** Whether the server has let us in and the connection is not known to be lost. */
  get connected() {
    return this._connected;
  }

  /** Connects, and again whenever the connection is lost. Ends a pause between two tries, if there is one. */
  connect() {
    this._wanted = true;
    if (this._task === null) this._dial();
    return this;
  }

  /** As `connect`. */
  open() { return this.connect(); }

  /** Closes for good, until `connect` or `redial`; messages that wait for a connection are thrown away. */
  disconnect() {
    this._wanted = false;
    this._attempt = 0;
    this._queue = [];
    this._drop('io client disconnect');
    return this;
  }

  /** As `disconnect`. */
  close() { return this.disconnect(); }

  /** Drops the connection and opens another one now: for a caller that knows better, because an answer is overdue. */
  redial() {
    this._wanted = true;
    this._drop('redial');
    this._dial();
  }

  /**
   * When this connection closes, the next one is opened so much later, instead of after the usual pause: for a server that
   * says when to come back. `connect`, `redial` and `wake` do not wait for it.
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
    if (!this._asleep) this._asleepSince = Date.now();
    this._asleep = true;
    this._probing = false;
    clearTimeout(this._timer);
    clearTimeout(this._pinger);
  }

  /**
   * For `App.onShow`. Connects at once where there is no connection, or one that WeChat has cut meanwhile; any other has to
   * prove itself within `wakeTimeout`.
   */
  wake() {
    const away = this._asleep ? Date.now() - this._asleepSince : 0;
    this._asleep = false;
    this._look(away >= SUSPENDED);
  }

  /** For when the network has changed: as `wake`, but does nothing for whoever looks away. */
  check() {
    if (!this._asleep) this._look(false);
  }

  /** @param {boolean} cut whether the connection is known to be dead */
  _look(cut) {
    if (!this._wanted) return;
    this._attempt = 0;
    this._doubtful = this._task !== null;
    const silence = Math.max(0, Date.now() - this._heardAt);
    const left = (this._connected ? this._pulse : this._openTimeout) - silence;
    if (this._doubtful && (cut || left <= 0)) this._giveUp();
    else if (this._connected) this._probe();
    else if (this._doubtful) this._watch(left);
    if (this._task === null) this._dial();
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
    return this._emit(this._ackTimeout, event, args);
  }

  /**
   * Sends an event, or keeps it, and resolves with the first value of the acknowledgement. Fails as the callback of `emit`.
   * @param {string} event @param {...any} args what JSON can hold @returns {Promise<any>}
   */
  emitWithAck(event, ...args) {
    return this._ask(this._ackTimeout, event, args);
  }

  /**
   * The same two, with so many ms for the acknowledgement instead of `ackTimeout`.
   * @param {number} ackTimeout
   */
  timeout(ackTimeout) {
    return {
      /** @param {string} event @param {...any} args */
      emit: (event, ...args) => this._emit(ackTimeout, event, args),
      /** @param {string} event @param {...any} args @returns {Promise<any>} */
      emitWithAck: (event, ...args) => this._ask(ackTimeout, event, args),
    };
  }

  /** @param {number} ackTimeout @param {string} event @param {any[]} args @returns {Promise<any>} */
  _ask(ackTimeout, event, args) {
    return new Promise((resolve, reject) => {
      /** @type {Listener} */
      const answered = (error, answer) => (error ? reject(error) : resolve(answer));
      this._emit(ackTimeout, event, args.concat(answered));
    });
  }

  /** @param {number} ackTimeout @param {string} event @param {any[]} all */
  _emit(ackTimeout, event, all) {
    const args = all.slice();
    const callback = typeof args[args.length - 1] === 'function' ? args.pop() : null;
    const json = JSON.stringify([event, ...args]);
    const refused = !this._connected && this._queue.length >= this._queueLimit;
    const id = callback === null ? null : this._nextId++;
    if (id !== null) {
      const error = new Error(refused ? 'queue full' : 'timeout');
      const timer = setTimeout(() => this._acknowledge(id, error), refused ? 0 : ackTimeout);
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
    this._doubtful = false;
    this._old = false;
    this._watch(this._openTimeout);

    const generation = this._generation;
    const broken = this._whileCurrent((/** @type {{errMsg?: string} | undefined} */ event) => {
      this._lost('transport error', event && event.errMsg);
    });
    try {
      const url = withQuery(this._url, Object.assign({}, this.query, { EIO: this._protocol, transport: 'websocket' }));
      const task = this._connectSocket({ url, timeout: this._openTimeout, tcpNoDelay: true, fail: broken });
      if (generation !== this._generation) return hangUp(task);
      this._task = task;
      // A task that was closed before it had opened opens all the same, and is one of the five that WeChat allows.
      task.onOpen(() => generation === this._generation || hangUp(task));
      task.onMessage(this._whileCurrent((event) => this._receive(event.data)));
      task.onError(broken);
      task.onClose(this._whileCurrent(() => this._lost('transport close')));
    } catch (error) {
      broken({ errMsg: String(error) });
    }
  }

  /**
   * Does this for as long as the present task is not replaced.
   * @type {<Event>(action: (event: Event) => void) => (event: Event) => void}
   */
  _whileCurrent(action) {
    const generation = this._generation;
    return (event) => {
      if (generation === this._generation) callSafely(action, event);
    };
  }

  /** Ends the connection, or the try, without deciding what comes next. @param {string} reason */
  _drop(reason) {
    const task = this._task;
    const wasConnected = this._connected;
    this._generation += 1;
    this._task = null;
    this._connected = false;
    this.id = undefined;
    this._probing = false;
    this._absence = null;
    clearTimeout(this._timer);
    clearTimeout(this._pinger);
    if (task !== null) hangUp(task);

    const unsent = this._queue.map(({ id }) => id);
    const unanswered = Array.from(this._acks.keys()).filter((id) => unsent.indexOf(id) < 0);
    later(() => {
      for (const id of unanswered) this._acknowledge(id, new Error('disconnected'));
      if (wasConnected) this._tell('disconnect', [reason]);
    });
  }

  /**
   * The connection, or the try, has failed: the next one follows.
   * @param {string} reason @param {string} [details] @param {unknown} [data] what a server adds to its refusal
   */
  _lost(reason, details, data) {
    const failed = !this._connected;
    const absence = this._absence;
    const doubtful = this._doubtful;
    this._drop(reason);
    const error = Object.assign(new Error(details || reason), data === undefined ? {} : { data });
    if (failed) later(() => this._tell('connect_error', [error]));
    if (this._asleep) return;
    // The end of a connection that was cut while nobody looked may be told only afterwards. Who looks now does not wait.
    if (doubtful && absence === null) return this._dial();
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
    this._lost(this._connected ? 'ping timeout' : 'timeout', this._old ? OLD_SERVER : undefined);
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
    this._beat();
    this._watch(this._wakeTimeout);
    this._send(PROBE);
  }

  /** Engine.IO 3 wants a ping from its client. */
  _beat() {
    clearTimeout(this._pinger);
    if (this._protocol !== 3 || this._asleep) return;
    this._pinger = setTimeout(() => {
      this._send('2');
      if (this._task !== null) this._beat();
    }, this._pingInterval);
  }

  /** @param {string} text */
  _send(text) {
    const fail = this._whileCurrent(() => this._lost('transport error'));
    try {
      if (this._task !== null) this._task.send({ data: text, fail });
    } catch (error) {
      fail(error);
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
      case '3': return this._proved();
      case '4': return this._readPacket(data.slice(1));
    }
  }

  /** @param {any} handshake */
  _shakeHands(handshake) {
    if (this._pulse > 0) return;
    if (!handshake || !isTime(handshake.pingInterval) || !isTime(handshake.pingTimeout)) return this._lost('parse error');
    this._sid = String(handshake.sid);
    this._older = handshake.maxPayload === undefined;
    this._pingInterval = handshake.pingInterval;
    this._pulse = handshake.pingInterval + handshake.pingTimeout;
    if (this._protocol === 3) this._beat();
    else this._askIn();
  }

  /** Asks for the namespace, with `auth` as soon as it is known. */
  _askIn() {
    const { auth } = this;
    const asking = (/** @type {unknown} */ known) => `40${known ? JSON.stringify(known) : ''}`;
    if (typeof auth !== 'function') return this._send(asking(auth));
    const send = this._whileCurrent((/** @type {string} */ text) => this._send(text));
    const fail = this._whileCurrent((error) => this._lost('auth error', String(error)));
    // It may tell late, twice, or never.
    new Promise((tell) => auth(tell)).then(asking).then(send, fail);
  }

  /** A Socket.IO packet. @param {string} text */
  _readPacket(text) {
    const packet = readPacket(text);
    if (packet === null) return;
    const { type, namespace, id, content } = packet;
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
        if (!this._connected) this._lost('connect refused', ...readRefusal(content));
    }
  }

  /** @param {any} content */
  _welcomed(content) {
    if (this._connected || this._pulse === 0) return;
    const named = content && typeof content.sid === 'string';
    this._old = this._older && content === undefined;
    if (!named && this._protocol !== 3) return;
    this.id = named ? content.sid : this._sid;
    this._connected = true;
    this._doubtful = false;
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
    this._doubtful = false;
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

/** @param {WechatMiniprogram.SocketTask} task */
function hangUp(task) {
  // Closed already, or never there, is closed.
  try {
    task.close({ code: 1000, fail() {} });
  } catch (error) {}
}

/**
 * As in the official client: connects to a server, where the paths of address and options are apart.
 * @param {string} url such as `https://game.example.com` @param {Options} [options]
 */
function io(url, options = {}) {
  const { path = '/socket.io', autoConnect = true } = options;
  const socket = new Socket(serverAddress(url, path), options);
  return autoConnect ? socket.connect() : socket;
}

module.exports = { io, Socket };
