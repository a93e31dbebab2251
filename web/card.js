// One player on the screen: portrait, name, figures, and the hand on the table.

import { element, say } from './dom.js';
import { avatars, faces, hands } from './pictures.js';

/** @typedef {import('../miniprogram/game/scene.js').Card} Card */

export class PlayerCard {
  #avatar = /** @type {HTMLImageElement} */ (element('img', { class: 'avatar', alt: '', width: '96', height: '96' }));
  #face = /** @type {HTMLImageElement} */ (element('img', { class: 'pulled', alt: '', width: '48', height: '48' }));
  #hand = /** @type {HTMLImageElement} */ (element('img', { class: 'shown', alt: '', width: '120', height: '120' }));
  #name = element('span', { class: 'name' });
  #robot = element('span', { class: 'robot' });
  #rank = element('span', { class: 'rank' });
  #score = element('span', { class: 'score' });
  #streak = element('span', { class: 'streak' });
  #status = element('span', { class: 'status' });
  #moves = 0;
  #turns = 0;

  /** @param {import('../miniprogram/game/words.js').Words} words */
  constructor(words) {
    this.words = words;
    this.portrait = element('div', { class: 'portrait' }, this.#avatar, this.#face);
    this.node = element('article', { class: 'card' },
      this.portrait,
      element('div', { class: 'who' },
        element('p', {}, this.#name, this.#robot),
        element('p', { class: 'figures' }, this.#score, this.#streak, this.#rank),
        element('p', {}, this.#status)),
      element('div', { class: 'table' }, this.#hand));
  }

  /** @param {Card} card */
  paint(card) {
    picture(this.#avatar, avatars[card.avatar], '');
    say(this.#name, card.name);
    say(this.#robot, card.robot);
    say(this.#rank, card.rank);
    say(this.#score, card.score);
    say(this.#streak, card.streakText);
    say(this.#status, card.status);
    picture(this.#face, card.face ? faces[card.face.name] : '', card.face ? this.words.makesFace(card.name, card.face.label) : '');
    picture(this.#hand, card.hand ? hands[card.hand.name] : '', card.hand ? card.hand.label : '');
    const { dataset } = this.node;
    dataset.outcome = card.outcome;
    dataset.heat = String(Math.min(card.streak, 5));
    dataset.hand = card.hand ? card.hand.name : '';
    dataset.away = String(card.away);
    dataset.locked = String(card.locked);
    dataset.invites = String(card.invites);
    // A full turn for each move, however many come at once; a new round begins to count again, and turns nothing back.
    this.#turns += Math.max(0, card.moves - this.#moves);
    this.#moves = card.moves;
    this.#avatar.style.transform = `rotate(${this.#turns}turn)`;
    dataset.hop = card.moves === 0 ? '' : card.moves % 2 === 1 ? 'odd' : 'even';
  }
}

/** @param {HTMLImageElement} image @param {string} address empty: none @param {string} alternative */
function picture(image, address, alternative) {
  image.hidden = address === '';
  if (image.alt !== alternative) image.alt = alternative;
  if (address !== '' && image.getAttribute('src') !== address) image.src = address;
}
