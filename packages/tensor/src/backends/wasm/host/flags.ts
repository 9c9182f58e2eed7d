// Sets flags of V8 for a moment, where it is known which ones it has.

import { node } from './platform.ts';

/**
 * Versions of Node whose V8 packs pairs of vectors and knows the flags for that. A version that does not
 * know a flag prints an error, so others are added when they are known.
 */
const WIDE_NODE: ReadonlySet<number> = new Set([24, 26]);

/** Whether the engine knows the flags for packing pairs of vectors. Deno and Bun also name a version of Node. */
export function knowsFlags(): boolean {
  const { node: version = '', deno, bun } = node?.versions ?? {};
  const isNode = deno === undefined && bun === undefined;
  return isNode && node?.arch === 'x64' && WIDE_NODE.has(Number.parseInt(version, 10));
}

/**
 * Does `work` under V8's flags `during`, and sets those of `elsewhere` then. Engines that do not know the
 * flags do the work without them.
 */
export function withFlags<T>(
  { during, elsewhere }: Readonly<Record<'during' | 'elsewhere', readonly string[]>>,
  work: () => T,
): T {
  const v8 = knowsFlags() ? node?.getBuiltinModule?.('node:v8') : undefined;
  if (v8 === undefined) return work();
  const set = (flags: readonly string[]): void => {
    for (const flag of flags) v8.setFlagsFromString(`--${flag}`);
  };
  try {
    set(during);
    return work();
  } finally {
    set(elsewhere);
  }
}
