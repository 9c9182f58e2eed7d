// Declares that counting numbers, random bits and literals have no gradient.

import type { LiteralTable, SourceParams } from '@tessera/tensor/extend';
import { notDifferentiable, type VjpEntry } from './rule.ts';

type AllSourceParams = SourceParams & LiteralTable;

/** Sources have no operands for a gradient to reach. */
export const source: { readonly [N in keyof AllSourceParams]: VjpEntry<AllSourceParams[N]> } = {
  iota: notDifferentiable('it has no operands'),
  randomBits: notDifferentiable('bits do not vary smoothly with the key'),
  literal: notDifferentiable('it has no operands'),
};
