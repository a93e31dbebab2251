// The page: puts the game, its connection, the screen and the device together.

import { Game } from '../miniprogram/game/game.js';
import { freshUid, guestName, pictureAddress, profile as readProfile } from '../miniprogram/game/person.js';
import { drive } from '../miniprogram/game/player.js';
import { scene } from '../miniprogram/game/scene.js';
import { wordsFor } from '../miniprogram/game/words.js';
import { Senses } from './senses.js';
import { Settings } from './settings.js';
import { Screen } from './screen.js';
import { PageLink } from './link.js';
import { Back } from './back.js';
import { Release, wish } from './release.js';
import { recall } from '../miniprogram/game/memory.js';
import { identity, keepIdentity } from './identity.js';
import { load, save } from './store.js';

const words = wordsFor(navigator.languages);
const profile = { ...readProfile(load() ?? identity(), words, Math.random), memory: remembered() };
save(profile);

const clock = () => performance.now();
const game = new Game({
  person: { uid: profile.uid, name: profile.name, picture: pictureAddress(location.origin, profile.avatar) },
  token: profile.token,
  memory: profile.memory,
  freshUid: () => freshUid(Math.random),
  guestName: () => guestName(words, Math.random),
});
const senses = new Senses(profile);
const release = new Release();
const back = new Back(() => screen.ask());
/** How the round ended, until its hands are open: the ear must not know before the eye. @type {import('../miniprogram/game/game.js').Cue | null} */
let outcome = null;
const streak = () => game.standing?.streak ?? 0;
const screen = new Screen(words, {
  step(action) {
    if (release.due && action === 'play') release.reload('play');
    else player[action]();
  },
  choose: (hand) => player.choose(hand),
  lock: () => player.lock(),
  pull: (face) => player.pull(face),
  mute() {
    profile.sound = !profile.sound;
    save(profile);
    screen.muted(!profile.sound);
  },
  beaten: () => senses.cue('count', 0),
  opened() {
    if (outcome) senses.cue(outcome, streak());
    outcome = null;
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

/** Whether there has been a connection before this one, and whether there is one. */
const connection = { met: false, online: false };

function paint() {
  const shown = scene(game, words, clock());
  screen.paint(shown);
  if (shown.phase !== 'connecting') back.round(shown.phase === 'playing');
  const online = game.link === 'online';
  if (online && !connection.online && connection.met) release.look().then(renew);
  connection.met ||= online;
  connection.online = online;
  if (online && profile.token) keepIdentity(profile);
  renew();
}

/** Where nothing is lost by it, a page that is older than its server is loaded again; after a round, at the next step. */
function renew() {
  const { name } = game.stage;
  if (release.due && name === 'ready' && !document.querySelector('dialog[open]')) release.reload();
}

paint();
// A page that is prepared and may never be looked at does not take part.
const { prerendering } = /** @type {{prerendering?: boolean}} */ (document);
if (prerendering) await new Promise((resolve) => document.addEventListener('prerenderingchange', resolve, { once: true }));

const link = new PageLink(socketAddress());
const player = drive(game, link, {
  changed: () => queueMicrotask(paint),
  cue(cue) {
    if (cue === 'win' || cue === 'lose' || cue === 'draw') outcome = cue;
    else senses.cue(cue, streak());
  },
  keep({ uid, name }, token) {
    Object.assign(profile, { uid, name, token });
    save(profile);
  },
  remember(memory) {
    profile.memory = { ...memory, at: Date.now() };
    save(profile);
  },
}, clock);

screen.muted(!profile.sound);
document.addEventListener('visibilitychange', () => document.hidden || player.wake());
// Another window has changed what this device keeps, and may speak for the player now.
addEventListener('storage', () => {
  Object.assign(profile, readProfile(load(), words, Math.random), { memory: remembered() });
  screen.muted(!profile.sound);
  player.follow({ uid: profile.uid, name: profile.name, picture: pictureAddress(location.origin, profile.avatar) }, profile.token, profile.memory);
});
// Frozen by a phone that saves its battery, or kept for Back.
document.addEventListener('resume', () => player.wake());
addEventListener('pagehide', () => link.sleep());
addEventListener('pageshow', ({ persisted }) => {
  if (!persisted) return;
  link.wake();
  player.wake();
});
addEventListener('online', () => player.wake());
addEventListener('offline', () => player.wake());

if (wish() === 'play') player.play();
navigator.serviceWorker?.register('/sw.js').catch(() => {});

function remembered() {
  return recall(/** @type {{memory?: unknown} | null} */ (load())?.memory, Date.now());
}

function socketAddress() {
  const path = document.querySelector('meta[name="wulin-socket"]')?.getAttribute('content') ?? '/applet/websocket';
  return `wss://${location.host}${path}`;
}
