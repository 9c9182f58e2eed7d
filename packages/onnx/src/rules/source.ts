// The rules of sources: literals, counting numbers and random bits.

import type { LiteralTable, SourceParams } from '@tessera/tensor/extend';
import type { OnnxRule } from './rule.ts';
import { randomBits } from './threefry.ts';

/** Rules of the sources. */
export const source: {
  readonly [N in keyof SourceParams]: OnnxRule<SourceParams[N]>;
} & { readonly [N in keyof LiteralTable]: OnnxRule<LiteralTable[N]> } = {
  literal: (graph, { params: { value, dtype } }) => graph.scalar(dtype, value),
  iota: (graph, { params: { size } }) => {
    const [start, end, step] = [0, size, 1].map((n) => graph.scalar('int32', n));
    return graph.node('Range', [start, end, step]);
  },
  randomBits,
};
