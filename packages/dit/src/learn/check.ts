// Checks an answer to an exercise: calls it, and compares what it gives with what is expected.

import { Tensor } from '@tessera/tensor';
import type { Answer, Exercise, Plain } from './exercise.ts';

/** What came of an exercise: an answer that gives nothing is `open`. */
export type Outcome =
  | { readonly status: 'passes' }
  | { readonly status: 'open' }
  | { readonly status: 'fails'; readonly reason: string };

/** Numbers this near to each other, relative to the expected one or to 1, are equal. */
const TOLERANCE = 1e-4;

/**
 * Calls an answer as the exercise says, until a call goes wrong.
 *
 * @param answer what the file of the learner exports under the name of the exercise
 */
export async function checkAnswer(exercise: Exercise, answer: unknown): Promise<Outcome> {
  if (answer === undefined) return { status: 'open' };
  if (typeof answer !== 'function') {
    return { status: 'fails', reason: `${exercise.name} is no function but ${show(answer)}` };
  }
  for (const { call, run, expected } of exercise.trials()) {
    let found: unknown;
    try {
      found = await plain(await run(answer as Answer));
    } catch (error) {
      return { status: 'fails', reason: `${call} throws: ${thrownText(error)}` };
    }
    if (found === undefined) return { status: 'open' };
    if (!agrees(found, expected)) {
      const reason = `${call} must give ${show(expected)}, but gives ${show(found)}`;
      return { status: 'fails', reason };
    }
  }
  return { status: 'passes' };
}

function thrownText(error: unknown): string {
  return error instanceof Error ? error.message.replaceAll(/\s*\n\s*/g, ' ') : String(error);
}

/** A result with the elements of its tensors in their place. */
async function plain(value: unknown): Promise<unknown> {
  if (value instanceof Tensor) return value.toArray();
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>);
  if (Array.isArray(value)) return Promise.all(value.map(plain));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(async ([key, field]) => [key, await plain(field)]);
  return Object.fromEntries(await Promise.all(entries)) as unknown;
}

function agrees(found: unknown, expected: Plain): boolean {
  if (typeof expected === 'number') {
    if (typeof found !== 'number') return false;
    const difference = Math.abs(found - expected);
    return Object.is(found, expected) || difference <= TOLERANCE * Math.max(1, Math.abs(expected));
  }
  if (typeof expected !== 'object') return found === expected;
  if (typeof found !== 'object' || found === null) return false;
  const keys = Object.keys(expected);
  const fields = found as Readonly<Record<string, unknown>>;
  const wanted = expected as Readonly<Record<string, Plain>>;
  return (
    Array.isArray(found) === Array.isArray(expected) &&
    Object.keys(found).length === keys.length &&
    keys.every((key) => Object.hasOwn(fields, key) && agrees(fields[key], wanted[key]))
  );
}

/** A value in one line, numbers with five digits. */
function show(value: unknown): string {
  if (typeof value === 'number') return String(Number(value.toPrecision(5)));
  if (typeof value === 'string') return `'${value}'`;
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const fields = Object.entries(value).map(([key, field]) => `${key}: ${show(field)}`);
  return `{ ${fields.join(', ')} }`;
}
