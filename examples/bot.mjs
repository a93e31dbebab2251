// A bot: plays some rounds of Wulin and prints what came of each. Node 22 or newer; nothing to install.
//
//   node examples/bot.mjs [wss://localhost:8443/applet/websocket] [3]

import { randomUUID } from 'node:crypto';

const [address = 'wss://localhost:8443/applet/websocket', rounds = 3] = process.argv.slice(2);
const HANDS = { null: 'nothing', 1: 'scissors', 2: 'rock', 3: 'paper' };
const me = { uid: randomUUID(), uname: 'Node bot', uavatar: '' };
let hand = 2;
let round = 1;

const socket = new WebSocket(address);
const say = (event, data) => socket.send(JSON.stringify({ event, data }));

function settle({ result }) {
  const mine = result.find(({ uid }) => uid === me.uid);
  const theirs = result.find(({ uid }) => uid !== me.uid);
  const score = `scores ${mine.roundScore}, ${mine.totalScore} in all`;
  console.log(`round ${round}: ${HANDS[mine.choice]} against ${HANDS[theirs.choice]} ${score}`);
  // People repeat themselves: the next hand is the one that beats their last.
  if (theirs.choice) hand = (theirs.choice % 3) + 1;
  round += 1;
  if (round <= rounds) return say('join');
  process.exitCode = 0;
  socket.close();
}

process.exitCode = 1; // until every round is played
socket.onopen = () => say('hello', { user: me });
socket.onerror = () => console.error(`no connection: is ${address} there, and its certificate trusted?`);
socket.onmessage = (frame) => {
  const { event, data } = JSON.parse(frame.data);
  if (event === 'hi') say('join');
  if (event === 'start') say('choice', { choice: hand });
  if (event === 'result') settle(data);
  if (event === 'fault') {
    console.error(`refused: ${data.message} (${data.code})`);
    socket.close();
  }
  // Every other event is ignored, as in each client: a newer server may know more of them.
};
