// The settings: name, picture, sound, vibration, and whether the place is told.

import { AVATARS, coarse, tidyName } from '../miniprogram/game/person.js';
import { element, find } from './dom.js';
import { avatars } from './pictures.js';

/**
 * @typedef {import('../miniprogram/game/words.js').Words} Words
 * @typedef {import('../miniprogram/game/person.js').Profile} Profile
 * @typedef {object} Answers
 * @property {(change: {name: string, avatar: string}) => void} changed
 * @property {() => void} switched the profile's switches are changed already
 * @property {(place: {lat: number, lng: number} | null) => void} placed
 */

/** How long the device may take to find itself, in ms, and how old its answer may be. */
const LOCATING = { enableHighAccuracy: false, timeout: 15_000, maximumAge: 600_000 };

export class Settings {
  #dialog = /** @type {HTMLDialogElement} */ (find('settings'));
  #name = /** @type {HTMLInputElement} */ (find('name'));
  #near = /** @type {HTMLInputElement} */ (find('near'));
  #problem = find('near-problem');

  /** @param {Words} words @param {Profile} profile @param {Answers} answers */
  constructor(words, profile, answers) {
    this.words = words;
    this.profile = profile;
    this.answers = answers;

    const texts = {
      'settings-title': words.settings, 'name-label': words.name, 'name-hint': words.nameHint, 'avatar-label': words.avatar,
      'near-detail': words.nearDetail, 'close-settings': words.close,
    };
    for (const [id, text] of Object.entries(texts)) find(id).textContent = text;
    this.#draw();
    this.#switch('sound', words.sound);
    this.#switch('vibration', words.vibration);
    find('vibration-row').hidden = !('vibrate' in navigator);
    label(this.#near, words.near);
    this.#near.addEventListener('change', () => this.#locate());
    this.#dialog.addEventListener('close', () => this.#close());
    // A tap beside the sheet closes it; one inside bubbles up with another target.
    this.#dialog.addEventListener('click', ({ target }) => target === this.#dialog && this.#dialog.close());
  }

  /** @param {'near'} [wanted] the switch that is asked for */
  open(wanted) {
    this.#name.value = this.profile.name;
    for (const input of this.#choices()) input.checked = input.value === this.profile.avatar;
    for (const id of /** @type {const} */ (['sound', 'vibration'])) {
      /** @type {HTMLInputElement} */ (find(id)).checked = this.profile[id];
    }
    this.#dialog.showModal();
    if (wanted) find(wanted).focus();
  }

  #close() {
    const name = tidyName(this.#name.value) || this.profile.name;
    const avatar = this.#choices().find(({ checked }) => checked)?.value ?? this.profile.avatar;
    if (name !== this.profile.name || avatar !== this.profile.avatar) this.answers.changed({ name, avatar });
  }

  #draw() {
    find('avatars').append(...AVATARS.map((avatar) => {
      const input = element('input', { type: 'radio', name: 'avatar', value: avatar });
      const image = element('img', { src: avatars[avatar], alt: this.words.avatars[avatar], width: '64', height: '64' });
      return element('label', { class: 'avatar' }, input, image);
    }));
  }

  #choices() {
    return /** @type {HTMLInputElement[]} */ ([...find('avatars').querySelectorAll('input')]);
  }

  /** @param {'sound' | 'vibration'} id @param {string} text */
  #switch(id, text) {
    const input = /** @type {HTMLInputElement} */ (find(id));
    label(input, text);
    input.addEventListener('change', () => {
      this.profile[id] = input.checked;
      this.answers.switched();
    });
  }

  #locate() {
    this.#problem.hidden = true;
    if (!this.#near.checked) return this.answers.placed(null);
    if (!navigator.geolocation) return this.#notFound(this.words.nearUnknown);
    navigator.geolocation.getCurrentPosition(
      // Switched off again while the device was looking: it is not told.
      ({ coords }) => this.#near.checked && this.answers.placed(coarse(coords)),
      ({ code, PERMISSION_DENIED }) => (
        this.#notFound(code === PERMISSION_DENIED ? this.words.nearDenied : this.words.nearUnknown)),
      LOCATING,
    );
  }

  /** @param {string} why */
  #notFound(why) {
    this.#near.checked = false;
    this.#problem.textContent = why;
    this.#problem.hidden = false;
  }
}

/** @param {HTMLInputElement} input @param {string} text */
function label(input, text) {
  if (input.nextElementSibling) input.nextElementSibling.textContent = text;
}
