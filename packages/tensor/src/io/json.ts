// Reads JSON more strictly than `JSON.parse`: no repeated key, no endless nesting.

import { excerpt, FormatError, messageOf } from '../errors.ts';

/** An engine's own reason quotes the text around the error, so it may be long. */
const LONGEST_REASON = 120;

/** Deepest nesting of lists and objects that is read. */
const MAX_DEPTH = 64;

/**
 * Reads the JSON of a file more strictly than `JSON.parse`: no key twice in one object, no byte order mark,
 * at most 64 levels of lists and objects.
 *
 * @param source UTF-8 bytes or text.
 * @param op The caller's name, for errors.
 * @param what The start of the error's sentence, which continues with `not JSON (reason)`.
 * @throws FormatError if it is not such JSON.
 * @example
 * parseJson('{"seed": 1}', 'read', 'the file is'); // { seed: 1 }
 * parseJson('{"seed": 1, "seed": 2}', 'read', 'the file is'); // throws FormatError
 */
export function parseJson(source: Uint8Array | string, op: string, what: string): unknown {
  try {
    const text =
      typeof source === 'string'
        ? source
        : new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(source);
    checkNesting(text);
    return JSON.parse(text);
  } catch (cause) {
    const reason = messageOf(cause).replaceAll(/\s+/g, ' ');
    throw new FormatError(op, `${what} not JSON (${excerpt(reason, LONGEST_REASON)}).`);
  }
}

/** Throws if lists and objects are nested too deep, or an object has a key twice. `text` may be any text. */
function checkNesting(text: string): void {
  const open: Set<string>[] = [];
  let word = '';
  for (let at = 0; at < text.length; at++) {
    const sign = text[at];
    if (sign === '"') {
      const start = at;
      for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === '\\') at++;
      word = text.slice(start, at + 1);
    } else if (sign === '{' || sign === '[') {
      if (open.push(new Set()) > MAX_DEPTH) throw new SyntaxError(`nested over ${MAX_DEPTH} deep`);
    } else if (sign === '}' || sign === ']') {
      open.pop();
    } else if (sign === ':') {
      const key = String(JSON.parse(word));
      word = ''; // a second colon has no key, and is not JSON
      const keys = open.at(-1);
      if (keys?.has(key)) throw new SyntaxError(`the key "${excerpt(key, 40)}" stands twice`);
      keys?.add(key);
    }
  }
}
