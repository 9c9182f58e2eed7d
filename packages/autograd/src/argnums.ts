import { ValueError } from '@tessera/tensor';

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
  const odd = positions.findIndex((at, i) => !(at in args) || positions.indexOf(at) !== i);
  if (odd >= 0) {
    const at = positions[odd];
    throw new ValueError(
      op,
      at in args
        ? `argnums names argument ${at} twice.`
        : `argnum is ${at} (counted from 0), but the function was called with ${args.length} arguments.`,
    );
  }
  return {
    chosen: positions.map((at) => args[at]),
    f: (...chosen) => {
      const all = [...args];
      positions.forEach((at, i) => {
        all[at] = chosen[i];
      });
      return f(...(all as never));
    },
  };
}

/** What was found for the chosen arguments: the only one for a number, a list for a list. */
export function perArgnum<T>(argnums: Argnums, found: readonly T[]): T | readonly T[] {
  return typeof argnums === 'number' ? found[0] : found;
}
