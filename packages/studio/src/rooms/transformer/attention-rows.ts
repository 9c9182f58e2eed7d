// Parts of the attention of a moment: the map of one head, and the row of one token.

import type { Layout, Moment } from './transformer-messages.ts';

/** Tokens of self-attention. */
export function tokensOf({ grid: [rows, columns], leading }: Layout): number {
  return leading + rows * columns;
}

/** The map of a block and a head `[T, T]`; head −1 is the mean of all heads. */
export function mapOf(
  { attention }: Pick<Moment, 'attention'>,
  layout: Layout,
  block: number,
  head: number,
): Float32Array {
  const { heads } = layout;
  const area = tokensOf(layout) ** 2;
  const start = block * heads * area;
  const one = (i: number): Float32Array =>
    attention.subarray(start + i * area, start + (i + 1) * area);
  if (head >= 0) return one(head);
  const mean = new Float32Array(area);
  for (let i = 0; i < heads; i++) one(i).forEach((weight, at) => (mean[at] += weight / heads));
  return mean;
}

/** What a patch attends to: all patches in the order of the image, and what goes to tokens before them. */
export function rowOf(
  map: Float32Array,
  layout: Layout,
  patch: number,
): { readonly patches: Float32Array; readonly leading: Float32Array } {
  const { leading } = layout;
  const tokens = tokensOf(layout);
  const row = map.subarray((leading + patch) * tokens, (leading + patch + 1) * tokens);
  return { patches: row.subarray(leading), leading: row.subarray(0, leading) };
}

/** The mean size of the gates of each block: of attention `[depth]`, or of the MLP. */
export function gateSizes({ gates }: Pick<Moment, 'gates'>, depth: number, part: 0 | 1): number[] {
  const width = gates.length / depth / 2;
  return Array.from({ length: depth }, (_, block) => {
    const start = (2 * block + part) * width;
    return (
      gates.subarray(start, start + width).reduce((sum, gate) => sum + Math.abs(gate), 0) / width
    );
  });
}

/** The largest size among values, at least a little above 0. */
export function largest(values: Iterable<number>): number {
  let most = 1e-12;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}
