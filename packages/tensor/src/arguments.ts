// Checks what callers pass: tensors, lists, functions and option names, for users without TypeScript.

import { formatShape, ValueError } from './errors.ts';

/**
 * Describes a value for an error.
 *
 * @example
 * kindOf(null); // 'null'
 * kindOf(ones([2, 3])); // 'a tensor [2, 3]'
 */
export function kindOf(value: unknown): string {
  if (typeof value === 'string') return `'${value.slice(0, 40)}'`;
  if (isTensor(value)) return `a tensor ${formatShape(value.shape)}`;
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

/** Whether a value is a tensor. */
export function isTensor(
  x: unknown,
): x is { readonly shape: readonly number[]; readonly dtype: string } {
  return typeof x === 'object' && x !== null && 'dtype' in x && 'value' in x;
}

/**
 * Throws a ValueError that names the first of `tensors` that is not a tensor.
 *
 * @example
 * checkTensors('mine', { x: ones([2]) });
 * checkTensors('mine', { y: 3 as never }); // throws ValueError
 */
export function checkTensors(op: string, tensors: Readonly<Record<string, unknown>>): void {
  for (const [name, x] of Object.entries(tensors)) {
    if (isTensor(x)) continue;
    throw new ValueError(
      op,
      `${name} must be a tensor, but is ${kindOf(x)}. Make one first, with tensor(…).`,
    );
  }
}

/**
 * Throws a ValueError unless `list` is an array.
 *
 * @param example The correct way to write it.
 * @example
 * checkList('mine', 'sizes', 3, '[2, 2]'); // throws ValueError
 */
export function checkList(op: string, name: string, list: unknown, example: string): void {
  if (Array.isArray(list)) return;
  throw new ValueError(op, `${name} must be an array, but is ${kindOf(list)}. Write ${example}.`);
}

/**
 * Throws a ValueError unless `f` can be called.
 *
 * @example
 * checkFunction('mine', 3); // throws ValueError
 */
export function checkFunction(op: string, f: unknown): void {
  if (typeof f === 'function') return;
  throw new ValueError(op, `takes a function, but got ${kindOf(f)}.`);
}

/**
 * Throws a ValueError unless `options` is an object with names from `known` only.
 *
 * @example
 * checkOptions('mine', { eps: 1e-5 }, ['eps']);
 * checkOptions('mine', { esp: 1e-5 } as { eps?: number }, ['eps']); // throws ValueError
 */
export function checkOptions<Options extends object>(
  op: string,
  options: Options,
  known: readonly (keyof Options & string)[],
): void {
  const example = `Options are ${known.join(', ')}.`;
  if (
    typeof options !== 'object' ||
    options === null ||
    Array.isArray(options) ||
    isTensor(options)
  ) {
    throw new ValueError(op, `options must be an object, but got ${kindOf(options)}. ${example}`);
  }
  const odd = Object.keys(options).find((name) => !(known as readonly string[]).includes(name));
  if (odd === undefined) return;
  const meant = known.find((name) => name.toLowerCase() === odd.toLowerCase());
  const hint = meant === undefined ? example : `Did you mean ${meant}?`;
  throw new ValueError(op, `there is no option '${odd}'. ${hint}`);
}
