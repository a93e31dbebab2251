// @ts-check
// Puts the game, its connection and the device together, once for all pages.

const { steady } = require('./clock.js');
const config = require('./config.js');
const { Game } = require('./game/game.js');
const { freshUid, guestName, pictureAddress, profile: readProfile } = require('./game/person.js');
const { drive } = require('./game/player.js');
const { scene } = require('./game/scene.js');
const { wordsFor } = require('./game/words.js');
const { SocketIoLink } = require('./link.js');
const { Senses } = require('./senses.js');
const { load, save } = require('./store.js');

const ORIGIN = `https://${config.domain}`;
const ADDRESS = `wss://${config.domain}${config.basePath}/socket.io/`;

/**
 * @typedef {object} Table what a page asks for
 * @property {import('./game/words.js').Words} words
 * @property {import('./store.js').Profile} profile
 * @property {ReturnType<typeof drive>} player
 * @property {(watch: (scene: import('./game/scene.js').Scene) => void) => () => void} watch tells every change from now on;
 *   returns how to stop it
 * @property {() => boolean} placed whether a place is told
 * @property {() => void} keep keeps the profile as it is now
 * @property {(change: {name?: string, avatar?: string}) => void} introduce
 */

/** @returns {{table: Table, link: InstanceType<typeof SocketIoLink>}} */
function sitDown() {
  const words = wordsFor([wx.getAppBaseInfo().language]);
  const kept = load();
  const profile = Object.assign({ picture: '' }, kept, readProfile(kept, words, Math.random));
  save(profile);

  const game = new Game({
    person: { uid: profile.uid, name: profile.name, picture: pictureAddress(ORIGIN, profile.avatar) },
    token: profile.token,
    freshUid: () => freshUid(Math.random),
    guestName: () => guestName(words, Math.random),
  });
  const senses = new Senses(profile);
  const link = new SocketIoLink(ADDRESS);
  /** @type {Set<(scene: import('./game/scene.js').Scene) => void>} */
  const watchers = new Set();
  const clock = steady(Date.now);
  const shown = () => scene(game, words, clock());

  const player = drive(game, link, {
    changed() {
      const now = shown();
      watchers.forEach((watch) => watch(now));
    },
    cue: (cue) => senses.cue(cue, game.standing ? game.standing.streak : 0),
    keep({ uid, name }, token) {
      Object.assign(profile, { uid, name, token });
      save(profile);
    },
  }, clock);

  /** @type {Table} */
  const table = {
    words,
    profile,
    player,
    watch(watcher) {
      watchers.add(watcher);
      watcher(shown());
      return () => watchers.delete(watcher);
    },
    placed: () => game.place !== null,
    keep: () => save(profile),
    introduce({ name = profile.name, avatar = profile.avatar }) {
      Object.assign(profile, { name, avatar });
      player.introduce({ name, picture: pictureAddress(ORIGIN, avatar) });
    },
  };
  return { table, link };
}

const { table, link } = sitDown();

App({
  table,

  onLaunch() {
    wx.onNetworkStatusChange(() => table.player.wake());
  },

  onShow() {
    link.wake();
    table.player.wake();
  },

  onHide() {
    link.sleep();
  },
});
