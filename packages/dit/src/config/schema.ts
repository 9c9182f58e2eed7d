// Checks values from outside against a schema, with errors of one line.

import { excerpt, FormatError } from '@tessera/tensor';
import * as v from 'valibot';
import { nearestName } from './nearest.ts';

/** An error shows no more characters of a name or a text than this. */
const LONGEST = 60;

/** Describes a value of a JSON file in a few words, without looking into lists and objects. */
function describeValue(value: unknown): string {
  if (typeof value === 'string') return `"${excerpt(value, LONGEST)}"`;
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `a list of ${value.length}`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/** The fields of the object that a schema describes, with their schemas; `undefined` for anything else. */
export function fieldsOf(schema: object): Readonly<Record<string, object>> | undefined {
  const fields: unknown = Reflect.get(insideOptional(schema), 'entries');
  return typeof fields === 'object' && fields !== null
    ? (fields as Readonly<Record<string, object>>)
    : undefined;
}

/** The schema of a field that may be left out, without that; any other schema as it is. */
export function insideOptional(schema: object): object {
  const wrapped: unknown = Reflect.get(schema, 'wrapped');
  return typeof wrapped === 'object' && wrapped !== null ? wrapped : schema;
}

/** The known field that an unknown one of the same object probably means. */
function meantField(schema: object, issue: v.BaseIssue<unknown>): string | undefined {
  const keys = (issue.path ?? []).map(({ key }) => String(key));
  const given = keys.pop() ?? '';
  let fields = fieldsOf(schema);
  for (const key of keys) fields = fields?.[key] && fieldsOf(fields[key]);
  return nearestName(given, Object.keys(fields ?? {}));
}

/** The problem in one line: `model.depth: must be at least 1, got 0`. */
function describeIssue(schema: object, issue: v.BaseIssue<unknown>): string {
  const path = excerpt(v.getDotPath(issue) ?? 'the whole value', LONGEST);
  const got = describeValue(issue.input);
  if (issue.kind === 'validation') {
    return `${path}: ${issue.message}, got ${got}`;
  }
  const key: unknown = issue.path?.at(-1)?.key;
  if (issue.type === 'strict_object' && typeof key === 'string') {
    if (issue.expected !== 'never') return `${path}: missing`;
    const meant = meantField(schema, issue);
    return `${path}: no such field${meant === undefined ? '' : `, perhaps ${meant}`}`;
  }
  return `${path}: expected ${issue.expected ?? issue.type}, got ${got}`;
}

/**
 * Checks a value against a schema and gives it back typed.
 *
 * @param op the operation that errors name
 * @param schema the type of the value; its messages read on after `field: `
 * @param value the value, such as the content of a file
 * @param source the name of its source in errors
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
    throw new FormatError(op, `${source}: ${describeIssue(schema, result.issues[0])}.`);
  }
  return result.output;
}
