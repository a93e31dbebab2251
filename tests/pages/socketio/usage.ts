// How a program in TypeScript uses the client. It is compiled and never run: what is expected to be an error must be one.

import { Socket, io } from '../../../miniprogram/socketio/index.js';
import type { SocketOptions } from '../../../miniprogram/socketio/index.js';

interface Heard {
  news: (text: string, urgent: boolean) => void;
}
type Said = { join: (room: { id: number }) => void; leave: () => void };

const options: SocketOptions = { path: '/ws', auth: (tell) => tell({ token: 'x' }), query: { room: 1 }, EIO: 3, ackTimeout: 1000 };
const socket = io<Heard, Said>('https://a.example', options);

socket.on('news', (text, urgent) => [text.length, urgent === true]).once('connect', () => {}).off('news').off();
socket.on('disconnect', (reason) => reason === 'ping timeout');
socket.on('connect_error', ({ message, data }) => [message.length, data]);
socket.on('reconnecting', ({ attempt, delay }) => attempt + delay);
const sent: boolean = socket.emit('join', { id: 1 }, (error, answer) => error?.message ?? answer);
const answer: Promise<{ ok: boolean }> = socket.timeout(500).emitWithAck('join', { id: 1 });
const id: string | undefined = socket.connect().disconnect().id;
socket.auth = { token: 'y' };
socket.query.room = 2;

// Without types of one's own everything goes.
const plain = new Socket('wss://a.example/socket.io/');
plain.on('anything', (a, b) => [a, b]).emit('anything', 1, 'two', () => {});

// @ts-expect-error there is no such event
socket.on('olds', () => {});
// @ts-expect-error nor such
socket.emit('jion', { id: 1 });
// @ts-expect-error it takes a room
socket.emit('join', 'a room');
// @ts-expect-error no such reason
socket.on('disconnect', (reason) => reason === 'boredom');
// @ts-expect-error no such option
io('https://a.example', { transports: ['websocket'] });
// @ts-expect-error it is the server's to say
socket.connected = true;

export { answer, id, plain, sent };
