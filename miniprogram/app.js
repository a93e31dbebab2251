// @ts-check
// Puts the game, its connection and the device together, once for all pages.

const { steady } = require('./clock.js');
const config = require('./config.js');
const { noticesIn } = require('./notices.js');
const { Nickname } = require('./nickname.js');
const { Picture } = require('./picture.js');
const { Place } = require('./place.js');
const { Game } = require('./game/game.js');
const { freshUid, guestName, pictureAddress, profile: readProfile } = require('./game/person.js');
const { recall } = require('./game/memory.js');
const { drive } = require('./game/player.js');
const { scene } = require('./game/scene.js');
const { wordsFor } = require('./game/words.js');
const { SocketIoLink } = require('./link.js');
const { Senses } = require('./senses.js');
const { load, save } = require('./store.js');

/** So many earlier names are remembered. */
const EARLIER = 8;
const ORIGIN = `https://${config.domain}`;
const ADDRESS = `wss://${config.domain}${config.basePath}/socket.io/`;

/**
 * @typedef {object} Table what a page asks for
 * @property {import('./game/words.js').Words} words
 * @property {import('./store.js').Profile} profile
 * @property {ReturnType<typeof drive>} player
 * @property {(watch: (scene: import('./game/scene.js').Scene) => void) => () => void} watch tells every change from now on;
 *   returns how to stop it
 * @property {() => void} keep keeps the profile as it is now
 * @property {(change: {name?: string, avatar?: string}) => void} introduce
 * @property {InstanceType<typeof Nickname>} nickname
 * @property {InstanceType<typeof Picture>} picture
 * @property {InstanceType<typeof Place>} place
 * @property {((text: string, denied?: boolean) => void) | null} hear where a page shows what is said; otherwise it is a toast
 */

/** @returns {{table: Table, link: InstanceType<typeof SocketIoLink>}} */
function sitDown() {
  const words = wordsFor([wx.getAppBaseInfo().language]);
  const notices = noticesIn(words.language);
  const kept = /** @type {{picture?: string, memory?: unknown} | null} */ (load());
  const memory = recall(kept ? kept.memory : null, Date.now());
  const profile = Object.assign({ picture: '' }, kept, readProfile(kept, words, Math.random), { memory });
  /** The names before this one, the latest last: where a server refuses it, they are ours still. @type {string[]} */
  const earlier = [];

  const game = new Game({
    person: { uid: profile.uid, name: profile.name, picture: pictureAddress(ORIGIN, profile.avatar) },
    token: profile.token,
    memory,
    freshUid: () => freshUid(Math.random),
    guestName() {
      const name = earlier.pop() || guestName(words, Math.random);
      if (table.hear) table.hear(notices.nameUnusable(name));
      return name;
    },
  });
  const senses = new Senses(profile);
  const link = new SocketIoLink(ADDRESS);
  /** @type {Set<(scene: import('./game/scene.js').Scene) => void>} */
  const watchers = new Set();
  const clock = steady(Date.now);
  const shown = () => scene(game, words, clock());

  /** What is said before there is a page. @type {string[]} */
  const unsaid = [];
  const say = (/** @type {string} */ text, denied = false) => {
    if (table.hear) table.hear(text, denied);
    else if (watchers.size === 0) unsaid.push(text);
    else wx.showToast({ title: text, icon: 'none', duration: 4000, fail() {} });
  };

  let complained = false;
  const keep = () => {
    const isKept = save(Object.assign({}, profile, { picture: picture.kept }));
    // Once is enough, until it works again.
    if (!isKept && !complained) say(notices.notKept);
    complained = !isKept;
  };
  const picture = new Picture(profile.picture, () => {
    profile.picture = picture.shown;
    keep();
    tell();
  }, () => say(notices.pictureNotKept));
  profile.picture = picture.shown;

  const tell = () => {
    const now = shown();
    watchers.forEach((watch) => watch(now));
  };

  const player = drive(game, link, {
    changed: tell,
    cue: (cue) => senses.cue(cue, game.standing ? game.standing.streak : 0),
    keep({ uid, name }, token) {
      Object.assign(profile, { uid, name, token });
      keep();
    },
    remember(memory) {
      profile.memory = Object.assign({}, memory, { at: Date.now() });
      keep();
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
      unsaid.splice(0).forEach((text) => say(text));
      return () => watchers.delete(watcher);
    },
    keep,
    introduce({ name = profile.name, avatar = profile.avatar }) {
      if (name !== profile.name) earlier.push(profile.name);
      earlier.splice(0, earlier.length - EARLIER);
      Object.assign(profile, { name, avatar });
      player.introduce({ name, picture: pictureAddress(ORIGIN, avatar) });
    },
    nickname: new Nickname({
      current: () => profile.name,
      take: (name) => table.introduce({ name }),
      refused: (name) => name && name !== profile.name && say(notices.nameRefused(name, profile.name)),
    }),
    picture,
    place: new Place(
      (place) => player.introduce({ place }),
      (denied) => say(denied ? words.nearDenied : words.nearUnknown, denied),
    ),
    hear: null,
  };
  keep();
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
