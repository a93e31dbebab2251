// Places: where in a text a problem is, how it is printed, and where a path in one file leads to.

import { posix } from 'node:path';

/** Line and column, from 1, of an offset; where nothing was found it is the beginning. */
export function at(text, offset) {
  const before = text.slice(0, Math.max(0, offset));
  return { line: before.split('\n').length, column: before.length - before.lastIndexOf('\n') };
}

/** One problem, as a compiler prints it. */
export function format({ file, line, column, message }) {
  return `${file}:${line}:${column}: ${message}`;
}

/** The same text with what matches turned into blanks, so that offsets stay. */
export function blank(text, pattern) {
  return text.replace(pattern, (match) => match.replace(/[^\n]/g, ' '));
}

/** The path from the root of the Mini Program that `name`, written in the file `from`, leads to. */
export function follow(from, name) {
  return name.startsWith('/') ? posix.normalize(name.slice(1)) : posix.join(posix.dirname(from), name);
}
