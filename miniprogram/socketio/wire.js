// @ts-check
// Where a server is asked, and what its texts mean.

/** A Socket.IO packet: type, namespace, acknowledgement id, JSON. */
const PACKET = /^(\d)(\/[^,]*,?)?(\d*)([\s\S]*)$/;
/** Scheme, host with port, path, query. */
const SERVER = /^(https?|wss?):\/\/([^/?#]+)(\/[^?#]*)?(\?[^#]*)?$/i;

/**
 * Where the server of an address such as `https://game.example.com` serves Socket.IO.
 * @param {string} url its path would be a namespace, of which there is only `/`
 * @param {string} path where on that server
 */
function serverAddress(url, path) {
  const [, scheme, host, namespace = '/', query = ''] = SERVER.exec(url) || [];
  if (!host) throw new TypeError(`not an address of a server: ${url}`);
  if (namespace !== '/') throw new TypeError(`there are no namespaces here but /: ${namespace}`);
  const trimmed = path.replace(/^\/+|\/+$/g, '');
  return `${/^(https|wss)$/i.test(scheme) ? 'wss' : 'ws'}://${host}/${trimmed && `${trimmed}/`}${query}`;
}

/** @param {string} url @param {Record<string, unknown>} query */
function withQuery(url, query) {
  const pairs = Object.keys(query).map((key) => `${encodeURIComponent(key)}=${encodeURIComponent(String(query[key]))}`);
  return `${url}${url.indexOf('?') < 0 ? '?' : '&'}${pairs.join('&')}`;
}

/** @param {string} text @returns {{type: string, namespace?: string, id: string, content: any} | null} */
function readPacket(text) {
  const match = PACKET.exec(text);
  if (match === null) return null;
  const [, type, namespace, id, json] = match;
  return { type, namespace, id, content: parse(json) };
}

/**
 * Why a server does not let us in: in words, and what it adds. In Socket.IO 2 it is one of the two.
 * @param {any} content @returns {[string | undefined, unknown]}
 */
function readRefusal(content) {
  if (typeof content === 'string') return [content, undefined];
  if (content && typeof content.message === 'string') return [content.message, content.data];
  return [undefined, content];
}

/** @param {string} json @returns {any} undefined if it is none */
function parse(json) {
  try {
    return JSON.parse(json);
  } catch (error) {
    return undefined;
  }
}

/** Two such times, added, still fit into a timer. @param {unknown} ms */
function isTime(ms) {
  return typeof ms === 'number' && ms > 0 && ms < 1e9;
}

module.exports = { isTime, parse, readPacket, readRefusal, serverAddress, withQuery };
