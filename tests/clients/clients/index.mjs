// Every client the game must work with, with every way it can connect.

import { MiniProgram2016 } from './mini_program_2016.mjs';
import { WeappSocketIo, WxappSocketIo } from './mini_program.mjs';
import { NativeClient } from './native.mjs';
import { PythonClient } from './python.mjs';
import { SocketIoClient } from './socketio.mjs';

const LIBRARIES = {
  'socket.io-client 1.7': () => new SocketIoClient(1),
  'socket.io-client 2.5': () => new SocketIoClient(2),
  'socket.io-client 3': () => new SocketIoClient(3),
  'socket.io-client 4': () => new SocketIoClient(4),
  'python-socketio 4': () => new PythonClient(4),
  'python-socketio 5': () => new PythonClient(5),
};

const WEBSOCKET_ONLY = {
  'wxapp-socket-io 1': () => new WxappSocketIo(),
  'weapp.socket.io 3': () => new WeappSocketIo(),
  '2016 mini program': () => new MiniProgram2016(),
  native: () => new NativeClient(),
};

function entry(library, transport, make) {
  const name = library in LIBRARIES ? `${library}, ${transport}` : library;
  return { name, library, transport, make };
}

export const CLIENTS = [
  ...Object.entries(LIBRARIES).flatMap(([library, make]) =>
    ['websocket', 'polling', 'upgrade'].map((transport) => entry(library, transport, make)),
  ),
  ...Object.entries(WEBSOCKET_ONLY).map(([library, make]) => entry(library, 'websocket', make)),
];

export function client(library, transport = 'websocket') {
  return CLIENTS.find((one) => one.library === library && one.transport === transport);
}

export const NATIVE = client('native');
export const MINI_PROGRAM_2016 = client('2016 mini program');

/** One entry a library, over its first transport. */
export const ONE_EACH = CLIENTS.filter((one) => one.transport === 'websocket');
