// Binds a scene to the DOM. It decides nothing: what is shown comes from scene.js, how it looks from page.css.

import { PlayerCard } from './card.js';
import { element, find, say } from './dom.js';
import { faces, hands } from './pictures.js';
import { Reveal, lively, petals } from './reveal.js';

/** Whoever skips a reveal may tap once more: for so long, in ms, what has come under the finger does nothing. */
const SETTLING = 350;

/**
 * @typedef {import('../miniprogram/game/scene.js').Scene} Scene
 * @typedef {import('../miniprogram/game/scene.js').Action} Action
 * @typedef {import('../miniprogram/game/words.js').Words} Words
 * @typedef {object} Answers what the player does
 * @property {(action: Action) => void} step
 * @property {(hand: number) => void} choose
 * @property {() => void} lock the hand that is chosen
 * @property {(face: number) => void} pull
 * @property {() => void} mute
 * @property {() => void} beaten one, two or three
 * @property {() => void} opened the hands of a round are open
 * @property {(wanted?: 'near') => void} settings
 */

export class Screen {
  #app = find('app');
  #stick = find('stick');
  #ask = /** @type {HTMLDialogElement} */ (find('ask'));
  #primary = find('primary');
  #secondary = find('secondary');
  #third = find('third');
  #handButtons = /** @type {HTMLButtonElement[]} */ ([]);
  #faceButtons = /** @type {HTMLButtonElement[]} */ ([]);
  /** @type {Map<string, PlayerCard>} */
  #others = new Map();
  /** @type {PlayerCard} */
  #me;
  /** @type {Scene | null} */
  #scene = null;
  #endsAt = 0;
  #reveal = new Reveal(() => this.#beaten());
  /** What the game shows, which the screen may not do yet. @type {Scene | null} */
  #latest = null;
  /** The last scene of the round whose hands are about to open. @type {Scene | null} */
  #held = null;
  #settled = true;

  /** @param {Words} words @param {Answers} answers */
  constructor(words, answers) {
    this.words = words;
    this.answers = answers;
    document.documentElement.lang = words.language;
    document.title = words.title;
    find('title').textContent = words.title;
    find('keys').textContent = words.keys;
    find('hero').append(...['scissors', 'rock', 'paper'].map((name) => element('img', { src: hands[name], alt: '' })));
    this.#me = new PlayerCard(words);
    find('me').append(this.#me.node);
    this.#primary.addEventListener('click', () => this.#step('primary'));
    this.#secondary.addEventListener('click', () => this.#step('secondary'));
    this.#third.addEventListener('click', () => this.#step('third'));
    find('leave').setAttribute('aria-label', words.leave);
    find('leave').title = words.leave;
    find('leave').addEventListener('click', () => this.ask());
    const ask = this.#ask;
    ask.addEventListener('close', () => ask.returnValue === 'yes' && this.#scene?.phase === 'playing' && answers.step('leave'));
    // A tap anywhere, or any key, is enough to see how it ended.
    document.addEventListener('pointerdown', () => this.#skip(), { capture: true });
    const mute = find('mute');
    mute.setAttribute('aria-label', words.sound);
    mute.addEventListener('click', () => answers.mute());
    find('open-settings').addEventListener('click', () => answers.settings());
    find('near-open').addEventListener('click', () => answers.settings('near'));
    find('open-settings').setAttribute('aria-label', words.settings);
    find('near-open').textContent = words.near;
    document.addEventListener('keydown', (event) => this.#key(event));
  }

  /** @param {boolean} muted */
  muted(muted) {
    find('mute').setAttribute('aria-pressed', String(!muted));
  }

  /** @param {Scene} scene */
  paint(scene) {
    this.#latest = scene;
    const ends = scene.phase === 'result' && this.#scene?.phase === 'playing' && this.#held === null;
    if (ends && lively() && !document.hidden) {
      this.#held = this.#scene;
      this.#reveal.begin();
      this.answers.beaten();
    }
    if (scene.phase !== 'result') {
      this.#reveal.stop();
      this.#held = null;
    }
    this.#draw();
  }

  /** Asks before the round is left. */
  ask() {
    const asked = this.#scene?.asked;
    if (!asked || !this.#scene?.secondary?.enabled || document.querySelector('dialog[open]')) return;
    find('ask-title').textContent = asked.title;
    find('ask-detail').textContent = asked.detail;
    find('ask-yes').textContent = asked.yes;
    find('ask-no').textContent = asked.no;
    this.#ask.returnValue = '';
    this.#ask.showModal();
  }

  #beaten() {
    if (this.#reveal.beat !== null) this.answers.beaten();
    this.#draw();
  }

  #skip() {
    if (this.#reveal.beat === null) return false;
    this.#reveal.stop();
    this.#draw();
    return true;
  }

  #draw() {
    const { beat } = this.#reveal;
    const scene = beat !== null && this.#held ? fists(this.#held, this.words.counts[beat]) : this.#latest;
    if (!scene) return;
    const before = this.#scene;
    this.#scene = scene;
    const revealing = beat !== null;
    const opens = scene.phase === 'result' && before?.phase === 'playing' && !revealing;
    if (opens && this.#held) this.#settle();
    const { dataset } = this.#app;
    dataset.phase = revealing ? 'reveal' : scene.phase;
    dataset.table = String(scene.phase === 'waiting' || scene.phase === 'playing' || scene.phase === 'result');
    dataset.outcome = scene.outcome;
    dataset.many = String(scene.others.length > 1);
    say(find('link'), scene.link);
    say(find('online'), scene.online);
    say(find('headline'), scene.headline);
    say(find('detail'), scene.detail);
    say(find('note'), scene.note);
    say(find('gained'), scene.me.gained);
    say(find('tally'), scene.tally ? scene.tally.text : '');
    find('tally').setAttribute('aria-label', scene.tally ? scene.tally.label : '');
    this.#me.paint(scene.me);
    this.#paintOthers(scene);
    this.#paintClock(scene);
    this.#paintHands(scene);
    this.#paintFaces(scene);
    const secondary = scene.phase === 'playing' ? null : scene.secondary;
    for (const [node, step] of /** @type {const} */ ([[this.#primary, scene.primary], [this.#secondary, secondary], [this.#third, scene.third]])) {
      say(node, step ? step.label : '');
      // Not `disabled`: that would take the focus away.
      node.setAttribute('aria-disabled', String(!(step?.enabled && this.#settled)));
    }
    const home = scene.phase === 'ready' || scene.phase === 'connecting';
    find('near-open').hidden = !home;
    find('hero').hidden = !home;
    find('open-settings').hidden = scene.phase === 'playing';
    find('leave').hidden = scene.phase !== 'playing';
    find('leave').setAttribute('aria-disabled', String(!scene.secondary?.enabled));
    if (this.#ask.open && scene.phase !== 'playing') this.#ask.close('no');
    say(find('announcement'), scene.announcement);
    find('announcement').hidden = false;
    this.#app.hidden = false;
    if (before && before.phase !== scene.phase && before.phase !== 'connecting') this.#moveFocus(scene);
    if (!opens) return;
    if (this.#held && scene.outcome === 'win') petals(find('me').querySelector('.shown') ?? find('me'));
    this.#held = null;
    this.answers.opened();
  }

  #settle() {
    this.#settled = false;
    setTimeout(() => {
      this.#settled = true;
      this.#draw();
    }, SETTLING);
  }

  /** @param {'primary' | 'secondary' | 'third'} which */
  #step(which) {
    const step = this.#scene?.[which];
    if (step?.enabled && this.#settled) this.answers.step(step.action);
  }

  /** @param {Scene} scene */
  #paintOthers({ others, phase }) {
    const present = new Set(others.map(({ uid }) => uid));
    for (const [uid, card] of this.#others) {
      if (present.has(uid)) continue;
      card.node.remove();
      this.#others.delete(uid);
    }
    for (const other of others) {
      let card = this.#others.get(other.uid);
      if (!card) {
        card = new PlayerCard(this.words);
        this.#others.set(other.uid, card);
        find('others').append(card.node);
      }
      card.paint(other);
    }
    find('others').classList.toggle('empty', others.length === 0 && phase === 'waiting');
  }

  /** @param {Scene} scene */
  #paintClock({ countdown }) {
    find('clock').hidden = countdown === null;
    if (!countdown) return;
    const { seconds, total, left } = countdown;
    find('seconds').textContent = String(seconds);
    find('clock').classList.toggle('soon', seconds <= 3);
    // The stick burns by itself; it is lit again only when the round is another, or is found to end at another time.
    const endsAt = performance.now() + left;
    // With nothing that moves, it is a little shorter at each second.
    if (!lively()) this.#stick.style.width = `${Math.min(100, (100_000 * seconds) / total)}%`;
    if (!lively() || Math.abs(endsAt - this.#endsAt) < 100) return;
    this.#endsAt = endsAt;
    for (const burning of this.#stick.getAnimations()) burning.cancel();
    const burning = this.#stick.animate([{ width: '100%' }, { width: '0' }], { duration: total, fill: 'forwards' });
    burning.currentTime = total - left;
  }

  /** @param {Scene} scene */
  #paintHands(scene) {
    const group = find('hands');
    if (this.#handButtons.length === 0) {
      group.setAttribute('aria-label', this.words.handGroup);
      this.#handButtons = scene.hands.map(({ id, name, label }) => {
        const image = element('img', { src: hands[name], alt: '', width: '72', height: '72' });
        const keys = { type: 'button', class: 'hand', 'aria-keyshortcuts': String(id) };
        const button = element('button', keys, image, element('span', {}, label), element('kbd', { 'aria-hidden': 'true' }, String(id)));
        button.addEventListener('click', () => this.answers.choose(id));
        return /** @type {HTMLButtonElement} */ (button);
      });
      group.append(...this.#handButtons);
    }
    group.hidden = scene.phase !== 'playing';
    scene.hands.forEach(({ chosen, locked, enabled }, i) => {
      const button = this.#handButtons[i];
      button.setAttribute('aria-pressed', String(chosen));
      button.dataset.locked = String(locked);
      button.disabled = !enabled && !chosen;
      button.setAttribute('aria-disabled', String(!enabled));
    });
  }

  /** @param {Scene} scene */
  #paintFaces(scene) {
    const group = find('faces');
    if (this.#faceButtons.length === 0) {
      group.setAttribute('aria-label', this.words.faceGroup);
      this.#faceButtons = scene.faces.map(({ id, name, label }) => {
        const image = element('img', { src: faces[name], alt: '', width: '32', height: '32' });
        const button = element('button', { type: 'button', class: 'face', 'aria-label': label, title: label }, image);
        button.addEventListener('click', () => this.answers.pull(id));
        return /** @type {HTMLButtonElement} */ (button);
      });
      group.append(...this.#faceButtons);
    }
    group.hidden = !scene.facesOpen && scene.phase !== 'playing';
    for (const button of this.#faceButtons) button.disabled = !scene.facesOpen;
  }

  /** Whoever plays by keyboard finds the next step under the fingers. @param {Scene} scene */
  #moveFocus(scene) {
    const at = document.activeElement;
    const lost = !at || at === document.body || /** @type {HTMLElement} */ (at).offsetParent === null || at.closest('#controls');
    if (!lost || document.querySelector('dialog[open]')) return;
    // The group and not a hand: an Enter that was meant for Cancel would choose it.
    if (scene.phase === 'playing') find('hands').focus({ preventScroll: true });
    else if (scene.primary) this.#primary.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    const enter = event.key === 'Enter';
    if (this.#skip()) return event.preventDefault();
    // A key held down presses a button once, whatever stands there by then.
    if (event.repeat) return enter && event.preventDefault();
    const hand = this.#scene?.hands.find(({ id }) => String(id) === event.key);
    if (hand?.enabled) {
      this.answers.choose(hand.id);
      // Enter locks what was chosen, also where another hand had the focus.
      if (document.activeElement?.closest('#hands')) find('hands').focus({ preventScroll: true });
    }
    if (enter && this.#scene?.phase === 'playing' && (document.activeElement === document.body || document.activeElement === find('hands'))) {
      event.preventDefault();
      return this.answers.lock();
    }
    if (enter && document.activeElement === document.body) {
      this.#step('primary');
      // The focus is on the next step by now, and this very key would press it.
      event.preventDefault();
    }
  }
}

/** A round about to be decided: fists, and the count. @param {Scene} scene @param {string} count @returns {Scene} */
function fists(scene, count) {
  /** @param {import('../miniprogram/game/scene.js').Card} card */
  const fist = (card) => ({ ...card, hand: card.left ? card.hand : { name: 'rock', label: '' } });
  return {
    ...scene, headline: count, detail: '', countdown: null, facesOpen: false, primary: null, secondary: null, third: null, tally: null,
    me: fist(scene.me), others: scene.others.map(fist), hands: scene.hands.map((hand) => ({ ...hand, enabled: false })),
  };
}
