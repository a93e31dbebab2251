// The page: puts the game, its connection, the screen and the device together.

import { Game } from '../miniprogram/game/game.js';
import { freshUid, guestName, pictureAddress, profile as readProfile } from '../miniprogram/game/person.js';
import { drive } from '../miniprogram/game/player.js';
import { scene } from '../miniprogram/game/scene.js';
import { wordsFor } from '../miniprogram/game/words.js';
import { Senses } from './senses.js';
import { Settings } from './settings.js';
import { Screen } from './screen.js';
import { WebSocketLink } from './link.js';
import { load, save } from './store.js';

const words = wordsFor(navigator.languages);
const profile = readProfile(load(), words, Math.random);
save(profile);

const clock = () => performance.now();
const game = new Game({
  person: { uid: profile.uid, name: profile.name, picture: pictureAddress(location.origin, profile.avatar) },
  token: profile.token,
  freshUid: () => freshUid(Math.random),
  guestName: () => guestName(words, Math.random),
});
const senses = new Senses(profile);
const screen = new Screen(words, {
  step: (action) => player[action](),
  choose: (hand) => player.choose(hand),
  pull: (face) => player.pull(face),
  mute() {
    profile.sound = !profile.sound;
    save(profile);
    screen.muted(!profile.sound);
  },
  settings: (wanted) => settings.open(wanted),
});
const settings = new Settings(words, profile, {
  changed({ name, avatar }) {
    Object.assign(profile, { name, avatar });
    player.introduce({ name, picture: pictureAddress(location.origin, avatar) });
  },
  switched() {
    save(profile);
    screen.muted(!profile.sound);
  },
  placed: (place) => player.introduce({ place }),
});

function paint() {
  screen.paint(scene(game, words, clock()));
}

const player = drive(game, new WebSocketLink(socketAddress()), {
  changed: () => queueMicrotask(paint),
  cue: (cue) => senses.cue(cue, game.standing?.streak ?? 0),
  keep({ uid, name }, token) {
    Object.assign(profile, { uid, name, token });
    save(profile);
  },
}, clock);

screen.muted(!profile.sound);
document.addEventListener('visibilitychange', () => document.hidden || player.wake());
// Another window has changed what this device keeps, and may speak for the player now.
addEventListener('storage', () => {
  Object.assign(profile, readProfile(load(), words, Math.random));
  screen.muted(!profile.sound);
  player.follow({ uid: profile.uid, name: profile.name, picture: pictureAddress(location.origin, profile.avatar) }, profile.token);
});
addEventListener('pageshow', ({ persisted }) => persisted && player.wake());
addEventListener('online', () => player.wake());
addEventListener('offline', () => player.wake());

function socketAddress() {
  const path = document.querySelector('meta[name="wulin-socket"]')?.getAttribute('content') ?? '/applet/websocket';
  return `wss://${location.host}${path}`;
}
