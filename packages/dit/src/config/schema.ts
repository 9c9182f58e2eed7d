// Checks values from outside against a schema, with errors of one line.

import { FormatError } from '@tessera/tensor';
import * as v from 'valibot';
import { describeValue, excerpt } from './excerpt.ts';

/** One line for what is wrong: `model.depth: must be at least 1, got 0`. */
function describeIssue(issue: v.BaseIssue<unknown>): string {
  const path = excerpt(v.getDotPath(issue) ?? 'the whole value');
  const got = describeValue(issue.input);
  if (issue.kind === 'validation') {
    return `${path}: ${issue.message}, got ${got}`;
  }
  const key: unknown = issue.path?.at(-1)?.key;
  if (issue.type === 'strict_object' && typeof key === 'string') {
    return issue.expected === 'never' ? `${path}: no such field` : `${path}: missing`;
  }
  return `${path}: expected ${issue.expected ?? issue.type}, got ${got}`;
}

/**
 * Checks a value against a schema and gives it back typed.
 *
 * @param op the operation that errors name
 * @param schema what the value has to be; its own messages read on after `field: `
 * @param value the value, from a file for instance
 * @param source how errors name where it comes from
 * @throws FormatError in one line that names the first bad field
 */
export function parseSchema<T>(
  op: string,
  schema: v.GenericSchema<unknown, T>,
  value: unknown,
  source: string,
): T {
  const result = v.safeParse(schema, value, { abortEarly: true, abortPipeEarly: true });
  if (!result.success) {
    throw new FormatError(op, `${source}: ${describeIssue(result.issues[0])}.`);
  }
  return result.output;
}
