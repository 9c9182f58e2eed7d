import type { PrimitiveParams } from '@tessera/tensor/extend';
import { notDifferentiable, type VjpEntry } from './rule.ts';

type SourceName = 'iota' | 'randomBits' | 'literal';

/** Sources start no gradient. */
export const source: { readonly [N in SourceName]: VjpEntry<PrimitiveParams[N]> } = {
  iota: notDifferentiable('it has no operands'),
  randomBits: notDifferentiable('bits do not vary smoothly with the key'),
  literal: notDifferentiable('it has no operands'),
};
