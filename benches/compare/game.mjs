// The game of two on any Socket.IO server, as Node programs of its kind are written: enough of the protocol to be measured
// with the same load, and nothing that would slow it down. The person who waits longest is the partner, at any distance; payloads
// are not checked.

import { randomBytes } from 'node:crypto';

const GAME_TIME = 5;
const ROBOT_WAIT = 1_000;
const HANDS = [1, 2, 3];

/** 1 when `mine` wins, -1 when it loses, 0 for a draw. No hand loses to any. */
function compare(mine, theirs) {
  if (mine === theirs) return 0;
  if (!mine || !theirs) return mine ? 1 : -1;
  return (mine - theirs + 3) % 3 === 1 ? 1 : -1;
}

export function serve(io) {
  let online = 0;
  let rooms = 0;
  let waiting;

  function tell(room, event, data, but) {
    for (const player of room.players) {
      if (player !== but && player.room === room) player.socket?.emit(event, data);
    }
  }

  function announce(room) {
    const users = room.players.map(({ user }) => ({ ...user, ready: true }));
    tell(room, 'room', { roomId: room.id, users, full: users.length === 2 });
  }

  function join(player) {
    if (!player.user || player.room) return;
    const room = (waiting ??= { id: `room-${++rooms}`, players: [] });
    room.players.push(player);
    player.room = room;
    player.choice = null;
    announce(room);
    if (room.players.length === 2) return start(room);
    room.timer = setTimeout(() => {
      const robot = { user: { uid: `robot-${room.id}`, uname: 'robot', uavatar: '' }, total: 0, streak: 0, room, choice: null };
      room.players.push({ ...robot, robot: true });
      announce(room);
      start(room);
    }, ROBOT_WAIT);
  }

  function start(room) {
    clearTimeout(room.timer);
    waiting = undefined;
    room.started = true;
    room.timer = setTimeout(() => finish(room), GAME_TIME * 1_000);
    const roomUsers = room.players.map(({ user, total, streak, robot }) => ({
      ...user, totalScore: total, winStreak: streak, ...(robot && { robot }),
    }));
    tell(room, 'start', { gameTime: GAME_TIME, roomUsers });
    for (const player of room.players) {
      if (player.robot) choose(player, HANDS[rooms % 3]);
    }
  }

  function choose(player, choice) {
    const { room } = player;
    if (!room?.started || !HANDS.includes(choice)) return;
    player.choice = choice;
    tell(room, 'movement', { uid: player.user.uid, movement: 'choice' }, player);
  }

  function finish(room) {
    const [a, b] = room.players;
    for (const [mine, theirs] of [[a, b], [b, a]]) {
      const won = compare(mine.choice, theirs.choice) > 0;
      mine.streak = won ? mine.streak + 1 : 0;
      mine.score = won ? mine.streak : 0;
      mine.total += mine.score;
    }
    const result = room.players.map(({ user, choice, score, total, streak }) => ({
      uid: user.uid, choice, roundScore: score, totalScore: total, winStreak: streak,
    }));
    tell(room, 'result', { result });
    for (const player of room.players) if (player.room === room) player.room = undefined;
  }

  function leave(player) {
    const { room } = player;
    if (!room) return;
    tell(room, 'leave', { uid: player.user.uid }, player);
    player.room = undefined;
    // A round goes on for those who stay; a person who left is in its result as well.
    if (room.started) return void (player.choice = null);
    clearTimeout(room.timer);
    waiting = undefined;
  }

  io.on('connection', (socket) => {
    online += 1;
    const player = { socket, total: 0, streak: 0, token: randomBytes(16).toString('hex') };
    socket.on('hello', ({ user }) => {
      player.user = user;
      const { token, total, streak } = player;
      socket.emit('hi', { message: 'welcome', nearby: online - 1, token, totalScore: total, winStreak: streak });
    });
    socket.on('join', () => join(player));
    socket.on('leave', () => leave(player));
    socket.on('choice', ({ choice }) => choose(player, choice));
    socket.on('face', ({ face }) => {
      if (player.room) tell(player.room, 'movement', { uid: player.user.uid, movement: 'face', face }, player);
    });
    socket.on('disconnect', () => {
      online -= 1;
      leave(player);
    });
  });
}
