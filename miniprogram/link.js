// @ts-check
// The game's connection: Socket.IO over wx.connectSocket.

const { restartDelay } = require('./game/wire.js');
const { Socket } = require('./socketio/index.js');

class SocketIoLink {
  /** @param {string} address `wss://DOMAIN/applet/websocket/socket.io/` */
  constructor(address) {
    this._socket = new Socket(address);
  }

  /** @param {import('./game/player.js').Listener} listener */
  listen(listener) {
    this._socket.on('connect', () => listener.opened());
    this._socket.on('disconnect', () => listener.closed());
    this._socket.on('connect_error', () => listener.closed());
    this._socket.on('restart', (/** @type {unknown} */ data) => this._socket.postpone(restartDelay(data)));
    for (const event of ['hi', 'nearby', 'room', 'start', 'movement', 'leave', 'away', 'back', 'result', 'fault']) {
      this._socket.on(event, (/** @type {unknown} */ data) => listener.received(event, data));
    }
  }

  /** @param {string} event @param {object} [data] */
  send(event, data) {
    if (!this._socket.connected) return;
    if (data === undefined) this._socket.emit(event);
    else this._socket.emit(event, data);
  }

  dial() {
    this._socket.open();
  }

  redial() {
    this._socket.redial();
  }

  hurry() {
    this._socket.open();
  }

  stop() {
    this._socket.close();
  }

  sleep() {
    this._socket.sleep();
  }

  wake() {
    this._socket.wake();
  }
}

module.exports = { SocketIoLink };
