// The primitives without operands, or with only a key: counting numbers, random bits and literals.

import { expectDType } from '../array/dtype.ts';
import { formatShape, ShapeError, ValueError } from '../errors.ts';
import { checkShape, sameShape } from '../array/shape.ts';
import type { KernelPrimitive, LiteralParams, LiteralPrimitive } from './primitive.ts';

/** Attributes of the primitives that make tensors without operands, or from a key. */
export interface SourceParams {
  iota: { readonly size: number };
  randomBits: {
    readonly shape: readonly number[];
    /**
     * Number of bits kept of each 32-bit word, from the top, 1 to 32. 32 gives any int32, fewer give `0 …
     * 2^width − 1`.
     */
    readonly width: number;
    /** The counter of the first element. */
    readonly start: number;
  };
}

/** Counting numbers and random words. */
export const source: { readonly [N in keyof SourceParams]: KernelPrimitive<SourceParams[N]> } = {
  /** y[i] = i */
  iota: {
    kind: 'kernel',
    name: 'iota',
    infer: (_inputs, { size }) => [{ shape: [size], dtype: 'int32' }],
    flops: () => 0,
  },
  /** y[i] = the top `width` bits of the xor of both words of threefry2x32(key, counter (0, start + i)) */
  randomBits: {
    kind: 'kernel',
    name: 'randomBits',
    infer: ([key], { shape, width, start }) => {
      checkShape('random', shape);
      if (!Number.isInteger(width) || width < 1 || width > 32) {
        throw new ValueError(
          'randomBits',
          `width must be a whole number of bits from 1 to 32, but is ${width}. For no bits, use zeros(shape, 'int32').`,
        );
      }
      if (!Number.isSafeInteger(start) || start < 0) {
        throw new ValueError(
          'randomBits',
          `start must be a whole number of at least 0, but is ${start}.`,
        );
      }
      expectDType('randomBits', key.dtype, ['int32']);
      if (!sameShape(key.shape, [2])) {
        throw new ShapeError(
          'randomBits',
          `a key is an int32 tensor of shape [2], but got ${formatShape(key.shape)}. Make one with key(seed) or split(key, n).`,
          [key.shape],
        );
      }
      return [{ shape, dtype: 'int32' }];
    },
    flops: () => 0,
  },
};

/** Attributes of the literal. */
export interface LiteralTable {
  literal: LiteralParams;
}

/** Scalar constants. */
export const literal: LiteralPrimitive<LiteralParams> = {
  kind: 'literal',
  name: 'literal',
  infer: (_inputs, { dtype }) => [{ shape: [], dtype }],
  flops: () => 0,
};
