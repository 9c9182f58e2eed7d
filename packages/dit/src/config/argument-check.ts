// Checks of arguments that several functions of the package share: choices and whole numbers.

import { kindOf, ValueError } from '@tessera/tensor';

/** Throws a ValueError unless `value` is one of `choices`; the compiler sees no value from outside. */
export function checkChoice(
  op: string,
  name: string,
  value: string,
  choices: readonly string[],
): void {
  if (choices.includes(value)) return;
  const given = typeof value === 'string' ? `'${value}'` : kindOf(value);
  throw new ValueError(op, `there is no ${name} ${given}. Use ${choices.join(', ')}.`);
}

/** Throws a ValueError unless `value` is a whole number of at least `least`. */
export function checkWhole(op: string, name: string, value: unknown, least: 0 | 1): void {
  if (Number.isSafeInteger(value) && Number(value) >= least) return;
  throw new ValueError(
    op,
    `${name} must be a whole number of at least ${least}, but is ${kindOf(value)}.`,
  );
}

/** Throws a ValueError unless `value` is a whole number of at least `least`, or two of them. */
export function checkSides(op: string, name: string, value: unknown, least: 0 | 1): void {
  if (!Array.isArray(value)) {
    checkWhole(op, name, value, least);
  } else if (value.length === 2) {
    checkWhole(op, `${name}[0]`, value[0], least);
    checkWhole(op, `${name}[1]`, value[1], least);
  } else {
    throw new ValueError(op, `${name} must be one number or two, but is ${kindOf(value)}.`);
  }
}

/** Throws a ValueError unless `value` is a finite number. */
export function checkFinite(op: string, name: string, value: unknown): void {
  if (Number.isFinite(value)) return;
  throw new ValueError(op, `${name} must be a finite number, but is ${kindOf(value)}.`);
}

/** Throws a ValueError unless `value` is true or false. */
export function checkFlag(op: string, name: string, value: unknown): void {
  if (typeof value === 'boolean') return;
  throw new ValueError(op, `${name} must be true or false, but is ${kindOf(value)}.`);
}

/** Throws a ValueError unless `value` is a number from `least` to `most`. */
export function checkWithin(
  op: string,
  name: string,
  value: unknown,
  least: number,
  most: number,
): void {
  if (typeof value === 'number' && value >= least && value <= most) return;
  const expected = most === Infinity ? `at least ${least}` : `in [${least}, ${most}]`;
  throw new ValueError(op, `${name} must be a number ${expected}, but is ${kindOf(value)}.`);
}

/** Throws a ValueError unless `value` is a text that is not empty. */
export function checkText(op: string, name: string, value: unknown): void {
  if (typeof value === 'string' && value !== '') return;
  throw new ValueError(op, `${name} must be a text that is not empty, but is ${kindOf(value)}.`);
}

/** Throws a ValueError unless `value` is a typed array of one kind, of this realm or another. */
export function checkArray(
  op: string,
  name: string,
  value: unknown,
  kind: 'Uint8Array' | 'Int32Array' | 'Float32Array' | 'Float64Array',
): void {
  if (Object.prototype.toString.call(value) === `[object ${kind}]`) return;
  throw new ValueError(op, `${name} must be of type ${kind}, but is ${kindOf(value)}.`);
}

/**
 * Throws a ValueError unless `value` is an object with all of these fields. It may have more.
 *
 * @param hint A sentence that says where such an object comes from.
 */
export function checkFields(
  op: string,
  name: string,
  value: unknown,
  fields: readonly string[],
  hint: string,
): void {
  if (typeof value !== 'object' || value === null) {
    throw new ValueError(op, `${name} must be an object, but is ${kindOf(value)}. ${hint}`);
  }
  const missing = fields.find((field) => Reflect.get(value, field) === undefined);
  if (missing === undefined) return;
  throw new ValueError(op, `${name} is ${kindOf(value)} without the field ${missing}. ${hint}`);
}
