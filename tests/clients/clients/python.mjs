// python-socketio 4 and 5, each in its own virtual environment, told what to do over stdin.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { BASE_PATH, Client } from './client.mjs';

const TRANSPORTS = {
  websocket: ['websocket'],
  polling: ['polling'],
  upgrade: ['polling', 'websocket'],
};

export class PythonClient extends Client {
  acknowledges = true;
  reconnects = true;
  #version;
  #process;
  #transport;
  #acks = [];

  constructor(version) {
    super();
    this.#version = version;
  }

  async connect(url, { transport = 'websocket', base = BASE_PATH, ca } = {}) {
    const python = fileURLToPath(new URL(`../.venv-${this.#version}/bin/python`, import.meta.url));
    const script = fileURLToPath(new URL('py_client.py', import.meta.url));
    // Both of its HTTP libraries have a variable for this. Undefined hides what the machine may have set.
    const trusted = { REQUESTS_CA_BUNDLE: ca, WEBSOCKET_CLIENT_CA_BUNDLE: ca, CURL_CA_BUNDLE: undefined };
    this.#process = spawn(python, [script], { env: { ...process.env, ...trusted } });
    this.#process.on('error', (error) => this.fail(error));
    this.#process.stdin.on('error', () => {});
    let complaints = '';
    this.#process.stderr.on('data', (text) => (complaints += text));
    this.#process.on('exit', (code) => code && this.fail(`python ended with ${code}: ${complaints}`));
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.#heard(JSON.parse(line)));
    this.#order({ do: 'connect', url, transports: TRANSPORTS[transport], path: `${base}/socket.io` });
    await this.opened();
  }

  #heard({ event, data, transport, ack }) {
    if (ack !== undefined) return this.#acks[ack](data);
    if (event === 'connect') this.#transport = transport;
    if (event === 'broken') return this.fail(data);
    this.emit(event, data);
  }

  #order(order) {
    this.#process.stdin.write(`${JSON.stringify(order)}\n`);
  }

  transport() {
    return this.#transport;
  }

  send(event, payload, acknowledged) {
    const ack = acknowledged && this.#acks.push(acknowledged) - 1;
    this.#order({ do: 'send', event, data: payload, ack });
  }

  close() {
    if (!this.#process) return;
    this.#order({ do: 'close' });
    this.#process.stdin.end();
  }
}
