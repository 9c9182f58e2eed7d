// Which arguments are differentiated: one position, or a list of them.

import { kindOf, ValueError } from '@tessera/tensor';

/** Which arguments to differentiate with respect to: a position from 0, or a list of them. */
export type Argnums = number | readonly number[];

/** The arguments at some positions: the argument itself for a number, a list of them for a list. */
export type ArgumentsAt<P extends readonly unknown[], N extends Argnums> = N extends number
  ? P[N]
  : { -readonly [K in keyof N]: N[K] extends number ? P[N[K]] : never };

/**
 * A function of the chosen arguments alone, and these arguments.
 *
 * @throws ValueError if a position is that of no argument, or is named twice.
 */
export function chooseArguments<R>(
  op: string,
  f: (...args: never) => R,
  argnums: Argnums,
  args: readonly unknown[],
): { readonly f: (...chosen: readonly unknown[]) => R; readonly chosen: readonly unknown[] } {
  const positions = [argnums].flat();
  positions.forEach((at, i) => {
    if (at in args && positions.indexOf(at) === i) return;
    const why =
      at in args ? 'is named twice' : `(counted from 0) is none of ${args.length} arguments`;
    throw new ValueError(op, `argnum ${kindOf(at)} ${why}.`);
  });
  return {
    chosen: positions.map((at) => args[at]),
    f: (...chosen) =>
      f(
        ...(args.map((arg, at) =>
          positions.includes(at) ? chosen[positions.indexOf(at)] : arg,
        ) as never),
      ),
  };
}

/** What was found for the chosen arguments: the only one for a number, a list for a list. */
export function perArgnum<T>(argnums: Argnums, found: readonly T[]): T | readonly T[] {
  return typeof argnums === 'number' ? found[0] : found;
}
