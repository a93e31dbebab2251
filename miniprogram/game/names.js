// @ts-check
// What of a name may be shown. The server has the same rules (src/game/names.rs), and tests/data/names.json the cases.

/** Ranges of code points, each from its first to its last, in hexadecimal. @param {string} list */
function ranges(list) {
  const bounds = list.split(' ').map((range) => range.split('-').map((point) => parseInt(point, 16)));
  return (/** @type {number} */ point) => bounds.some(([first, last = first]) => first <= point && point <= last);
}

/** No shape of its own: controls, what Unicode lets a font ignore, annotations, and what is no character. */
const ignorable = ranges('0-1f 7f-9f ad 34f 61c 115f-1160 17b4-17b5 180b-180f 200b-200f 202a-202e 2060-206f 3164 fdd0-fdef '
  + 'fe00-fe0f feff ffa0 fff0-fffb 1bca0-1bca3 1d173-1d17a e0000-e0fff');
/** May be part of an emoji, or be shown as one. */
const isEmoji = ranges('a9 ae 203c 2049 2122 2139 2190-2bff 3030 303d 3297 3299 1f000-1faff');
/** Ends an emoji that another one may be joined to, beside the emoji themselves. */
const endsEmoji = ranges('fe0e-fe0f 20e3 e007f');
/** Of a script whose letters take other shapes with a joiner or a non-joiner behind. */
const joins = ranges('600-61b 61d-8ff 900-dff 1000-109f 1700-18af 1900-1aad 1b00-1c4f a800-a8ff a930-a9ff aa00-aaff abc0-abff '
  + 'fb50-fdcf fdf0-fdff fe70-fefc 10a00-10aff 10d00-10d3f 10f30-10fb0 11000-11fff 1e900-1e95f');
const isHan = ranges('3400-9fff f900-faff 20000-3ffff');
/** Has standardised variants, beside Han and emoji. */
const varies = ranges('1000-109f 3000-303f a840-a877 aa60-aa7f ff00-ff60');
const isMongolian = ranges('1820-18aa');
/** `#`, `*` and digits, which are pictures only under a keycap. */
const isKey = ranges('23 2a 30-39');
/** What a flag is spelled with; a black one is its base. */
const spells = ranges('e0030-e0039 e0061-e007a');
const BLACK_FLAG = 0x1f3f4;
const LAST_TAG = 0xe007f;
/** The most tags in a flag, beside the last. */
const TAGS = 6;

/** @param {number} point */
const hides = (point) => ignorable(point) || (point & 0xfffe) === 0xfffe;

/** Whether what hides changes what is seen around it. @param {number} point @param {number} last kept before it @param {number} next */
function belongs(point, last, next) {
  const seen = next >= 0 && !hides(next);
  if (point === 0x200d) return joins(last) || ((isEmoji(last) || endsEmoji(last)) && seen && isEmoji(next));
  if (point === 0x200c) return joins(last) && seen && joins(next);
  if ((point === 0xfe0e || point === 0xfe0f) && isKey(last)) return next === 0x20e3;
  if (point >= 0xfe00 && point <= 0xfe0f) return isEmoji(last) || isHan(last) || varies(last);
  if (point >= 0xe0100 && point <= 0xe01ef) return isHan(last);
  if (point === 0x180e) return isMongolian(last) && seen && isMongolian(next);
  return point >= 0x180b && point <= 0x180f && isMongolian(last);
}

/** How many of these are the tags of a flag, which has a black one before. @param {number[]} points @param {number} from */
function tags(points, from) {
  let end = from;
  while (end < points.length && spells(points[end])) end += 1;
  const count = end - from;
  return points[end] === LAST_TAG && count > 0 && count <= TAGS ? count + 1 : 0;
}

/**
 * A name as it is shown: without what steers, hides or turns the text around it, with single spaces. Joiners inside an emoji or a
 * script that needs them stay, and half a character is a replacement.
 * @param {string} text
 */
function plain(text) {
  const points = Array.from(text, (c) => /** @type {number} */ (c.codePointAt(0)));
  let kept = '';
  let last = -1;
  for (let at = 0; at < points.length; at += 1) {
    const point = points[at];
    if (!hides(point) || belongs(point, last, at + 1 < points.length ? points[at + 1] : -1)) {
      const half = point >= 0xd800 && point <= 0xdfff;
      kept += half ? '\ufffd' : String.fromCodePoint(point);
      last = point;
      const flag = point === BLACK_FLAG ? tags(points, at + 1) : 0;
      if (flag > 0) {
        kept += String.fromCodePoint(...points.slice(at + 1, at + 1 + flag));
        at += flag;
        last = LAST_TAG;
      }
    }
  }
  return kept.replace(/\s+/g, ' ').trim();
}

/** Whether there is nothing to be seen of a name, which the server would refuse. @param {string} name */
function isBlank(name) {
  return !/[^\s\p{M}\u2800\u{1d159}\u{13441}\u{13442}]/u.test(plain(name));
}

module.exports = { isBlank, plain };
