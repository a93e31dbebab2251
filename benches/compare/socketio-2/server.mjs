// socket.io 2, on the port that the system gives; it is printed.
import { createServer } from 'node:http';
import io from 'socket.io';
import { serve } from '../game.mjs';

const server = createServer();
serve(io(server, { path: '/applet/websocket/socket.io', serveClient: false }));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
