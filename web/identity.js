// Who plays on this device, kept a second time: in a cookie that the server sets. Safari deletes what a page stores after seven days
// without a visit, and a page on the home screen begins with the browser's cookies alone.

/** @typedef {Pick<import('../miniprogram/game/person.js').Profile, 'uid' | 'token' | 'name' | 'avatar'>} Identity */

/** What the cookie holds, if there is one that can be read. @param {string} cookies @returns {unknown} */
export function identity(cookies = document.cookie) {
  const value = /(?:^|; )wulin=([\w-]+)/.exec(cookies)?.[1];
  try {
    const bytes = Uint8Array.from(atob((value ?? '').replace(/-/g, '+').replace(/_/g, '/')), (letter) => letter.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}

let kept = '';

/** Has the server set the cookie: once a visit, which makes it last, and when something has changed. @param {Identity} who */
export function keepIdentity({ uid, token, name, avatar }) {
  const bytes = new TextEncoder().encode(JSON.stringify({ uid, token, name, avatar }));
  const value = btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  if (value === kept) return;
  kept = value;
  // Without it the visit goes on; the next visit tries again.
  fetch('/identity', { method: 'PUT', body: value }).catch(() => {});
}
