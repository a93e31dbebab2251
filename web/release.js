// A page that has stood open for long may be older than the server it speaks to: it is loaded again, once for each release.

const KEY = 'wulin-release';
const WISH = 'wulin-wish';

/** What a document is made of; all of it has a hash in its name. @param {string} html */
function made(html) {
  return [...html.matchAll(/\/assets\/[\w.-]+/g)].map(([name]) => name).sort().join();
}

export class Release {
  #own = made(document.head.innerHTML);
  /** The server's, where it is another and has not been tried. @type {string | null} */
  #newer = null;

  /** Whether the page is older than the server. */
  get due() {
    return this.#newer !== null;
  }

  /** Asks the server, which is usually answered by "not modified". */
  async look() {
    try {
      const answer = await fetch('/', { cache: 'no-cache' });
      const theirs = made(await answer.text());
      // Two servers of different releases behind one name would send the page to and fro for ever.
      this.#newer = answer.ok && theirs !== '' && theirs !== this.#own && !tried().includes(theirs) ? theirs : null;
    } catch {
      // Gone again: the next connection asks.
    }
  }

  /** @param {'play'} [wish] what the player was about to do */
  reload(wish) {
    if (this.#newer === null) return;
    try {
      sessionStorage.setItem(KEY, JSON.stringify([...tried(), this.#newer]));
      if (wish) sessionStorage.setItem(WISH, wish);
    } catch {
      // What cannot be remembered would be done again and again.
      this.#newer = null;
      return;
    }
    location.reload();
  }
}

/** What the player was about to do when the page was loaded again; told once. */
export function wish() {
  try {
    const wish = sessionStorage.getItem(WISH);
    sessionStorage.removeItem(WISH);
    return wish;
  } catch {
    return null;
  }
}

/** @returns {string[]} */
function tried() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? '[]');
    return Array.isArray(kept) ? kept : [];
  } catch {
    return [];
  }
}
