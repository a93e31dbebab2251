// @ts-check
// Who listens to what, and that a listener's mistake is its own.

/** @typedef {(...args: any[]) => void} Listener */

class Emitter {
  constructor() {
    /** @type {Map<string, {listener: Listener, once: boolean}[]>} */
    this._listeners = new Map();
  }

  /** Calls `listener` with the arguments of every such event from now on. @param {string} event @param {Listener} listener */
  on(event, listener) {
    return this._add(event, { listener, once: false });
  }

  /** As `on`, but for one event only. @param {string} event @param {Listener} listener */
  once(event, listener) {
    return this._add(event, { listener, once: true });
  }

  /**
   * No longer calls `listener`; without one, nobody for that event; without both, nobody.
   * @param {string} [event] @param {Listener} [listener]
   */
  off(event, listener) {
    if (event === undefined) {
      this._listeners.clear();
      return this;
    }
    const entries = this._listeners.get(event) || [];
    this._listeners.set(event, entries.filter((entry) => listener !== undefined && entry.listener !== listener));
    return this;
  }

  /** @param {string} event @param {{listener: Listener, once: boolean}} entry */
  _add(event, entry) {
    this._listeners.set(event, (this._listeners.get(event) || []).concat(entry));
    return this;
  }

  /** @param {string} event @param {any[]} args */
  _tell(event, args) {
    const entries = this._listeners.get(event);
    if (entries === undefined) return;
    this._listeners.set(event, entries.filter(({ once }) => !once));
    for (const { listener } of entries) callSafely(listener, ...args);
  }
}

/** Calls what belongs to somebody else; what it throws goes to the console. @param {Listener} listener @param {any[]} args */
function callSafely(listener, ...args) {
  try {
    listener(...args);
  } catch (error) {
    console.error(error);
  }
}

/** After the call that is being made has returned. @param {() => void} action */
function later(action) {
  Promise.resolve().then(action);
}

module.exports = { Emitter, callSafely, later };
