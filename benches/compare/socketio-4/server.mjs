// socket.io 4 with ws, its own choice of an engine, on the port that the system gives; it is printed.
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { serve } from '../game.mjs';

const server = createServer();
serve(new Server(server, { path: '/applet/websocket/socket.io', serveClient: false }));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
