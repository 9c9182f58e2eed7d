// Reads JSON files, with errors of one line.

import { FormatError } from '@tessera/tensor';
import { describeValue, excerpt } from './excerpt.ts';

/** An error of `JSON.parse` quotes the text around it, which may be long. */
const LONGEST_REASON = 120;

/**
 * `JSON.parse` that refuses what it would pass in silence: an object with one name twice, of which the
 * last wins.
 *
 * @param op the operation that errors name
 * @param source how errors name where the text comes from
 * @throws FormatError in one line
 */
export function parseJson(op: string, text: string, source: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FormatError(
      op,
      `${source}: not JSON (${excerpt(reason.replaceAll(/\s+/g, ' '), LONGEST_REASON)}).`,
    );
  }
  checkNames(op, text, source);
  return value;
}

/** Refuses a well-formed text in which one object has a name twice. */
export function checkNames(op: string, text: string, source: string): void {
  const name = repeatedName(text);
  if (name === undefined) return;
  throw new FormatError(
    op,
    `${source}: the name ${describeValue(name)} stands twice in one object.`,
  );
}

/** A name that one object of a well-formed text has twice. */
function repeatedName(text: string): string | undefined {
  const open: Set<string>[] = [];
  // Braces, and strings with the colon behind those that are names.
  for (const [token, string, colon] of text.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|[{}]/g)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (colon !== undefined) {
      const name = JSON.parse(string) as string;
      const names = open[open.length - 1];
      if (names.has(name)) return name;
      names.add(name);
    }
  }
  return undefined;
}
