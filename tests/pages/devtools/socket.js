// A SocketTask over the browser's WebSocket.

const STATES = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };
const EVENTS = ['Open', 'Message', 'Error', 'Close'];

export class SocketTask {
  #socket;
  #record;
  #tasks;
  #cut = false;
  #listeners = Object.fromEntries(EVENTS.map((name) => [name, new Set()]));

  constructor({ url, protocols = [] }, tasks, record) {
    Object.assign(this, STATES);
    this.#record = record;
    this.#tasks = tasks;
    this.#socket = new WebSocket(url, protocols);
    this.#socket.binaryType = 'arraybuffer';
    tasks.add(this);
    this.#socket.onopen = () => this.#tell('Open', { header: {} });
    this.#socket.onmessage = ({ data }) => this.#tell('Message', { data });
    this.#socket.onerror = () => this.#tell('Error', { errMsg: 'connectSocket:fail' });
    this.#socket.onclose = ({ code, reason }) => {
      tasks.delete(this);
      this.#tell('Close', { code, reason });
    };
    for (const name of EVENTS) {
      this[`on${name}`] = (listener) => { this.#listeners[name].add(listener); };
      this[`off${name}`] = (listener) => (listener ? this.#listeners[name].delete(listener) : this.#listeners[name].clear());
    }
  }

  get readyState() {
    return this.#cut ? STATES.CLOSED : this.#socket.readyState;
  }

  send({ data, success, fail, complete }) {
    this.#record('SocketTask.send', [{ data }]);
    const open = this.readyState === STATES.OPEN;
    if (open) this.#socket.send(data);
    const result = { errMsg: open ? 'sendSocketMessage:ok' : 'sendSocketMessage:fail SocketTask.readyState is not OPEN' };
    setTimeout(() => {
      (open ? success : fail)?.(result);
      complete?.(result);
    });
  }

  close({ code = 1000, reason = '', success, fail, complete } = {}) {
    this.#record('SocketTask.close', [{ code, reason }]);
    let result = { errMsg: 'closeSocket:ok' };
    try {
      this.#socket.close(code, reason);
    } catch (error) {
      result = { errMsg: `closeSocket:fail ${error.message}` };
    }
    setTimeout(() => {
      (result.errMsg.endsWith('ok') ? success : fail)?.(result);
      complete?.(result);
    });
  }

  /** Ended from outside, without a goodbye that the program could have said. Returns how it is told. */
  cut() {
    this.#cut = true;
    this.#tasks.delete(this);
    const { onclose } = this.#socket;
    Object.assign(this.#socket, { onopen: null, onmessage: null, onerror: null, onclose: null });
    this.#socket.close();
    return () => onclose({ code: 1006, reason: 'interrupted' });
  }

  #tell(name, event) {
    for (const listener of [...this.#listeners[name]]) listener(event);
  }
}
