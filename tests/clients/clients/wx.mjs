// A stand-in for the part of WeChat's `wx` that opens sockets, on top of `ws`.
//
// Both generations of the API: `wx.onSocketOpen` and its kin, which know one socket per page, and
// the SocketTask that `wx.connectSocket` returns. Each client gets a `wx` of its own.

import WebSocket from 'ws';
import { trust } from './client.mjs';

function nobodyListens() {
  return { onOpen() {}, onMessage() {}, onError() {}, onClose() {} };
}

export function makeWx({ ca, generation = 'task' } = {}) {
  const page = nobodyListens();
  let current;

  class SocketTask {
    #listeners = nobodyListens();
    #closing = false;

    constructor(url) {
      this.socket = new WebSocket(url, trust(ca));
      this.socket.on('open', () => this.#tell('onOpen', { header: {} }));
      this.socket.on('message', (data, binary) => this.#tell('onMessage', { data: binary ? data : String(data) }));
      this.socket.on('error', (error) => this.#tell('onError', { errMsg: error.message }));
      this.socket.on('close', (code, reason) => this.#tell('onClose', { code, reason: String(reason) }));
    }

    #tell(what, detail) {
      // Who has closed hears no more messages, as with WeChat; the other end may have sent some before it noticed.
      if (what === 'onMessage' && this.#closing) return;
      this.#listeners[what](detail);
      if (this === current) page[what](detail);
    }

    onOpen(listener) {
      this.#listeners.onOpen = listener;
    }

    onMessage(listener) {
      this.#listeners.onMessage = listener;
    }

    onError(listener) {
      this.#listeners.onError = listener;
    }

    onClose(listener) {
      this.#listeners.onClose = listener;
    }

    send({ data, success, fail }) {
      this.socket.send(data, (error) => (error ? fail?.({ errMsg: error.message }) : success?.({})));
    }

    close({ code, reason } = {}) {
      this.#closing = true;
      this.socket.close(code, reason);
    }
  }

  return {
    connectSocket({ url }) {
      current = new SocketTask(url);
      return generation === 'task' ? current : undefined;
    },
    onSocketOpen: (listener) => (page.onOpen = listener),
    onSocketMessage: (listener) => (page.onMessage = listener),
    onSocketError: (listener) => (page.onError = listener),
    onSocketClose: (listener) => (page.onClose = listener),
    sendSocketMessage: (message) => current.send(message),
    closeSocket: (how) => current.close(how),
  };
}
