// Random shapes for property tests, and pairs of shapes that broadcast.

import fc from 'fast-check';

/** Bounds of {@link shapes} and {@link broadcastPairs}. */
export interface ShapeOptions {
  /** Number of axes. Default: any from `minRank` to `maxRank`. */
  readonly rank?: number;
  /** Default 0. */
  readonly minRank?: number;
  /** Default 3. */
  readonly maxRank?: number;
  /** Smallest size of an axis. Default 1; 0 also gives empty tensors. */
  readonly minSize?: number;
  /** Largest size of an axis. Default 3. */
  readonly maxSize?: number;
}

/**
 * Random shapes, which shrink towards small ones.
 *
 * @example
 * fc.assert(fc.property(shapes({ maxRank: 2 }), (shape) => zeros(shape).rank <= 2));
 */
export function shapes(options: ShapeOptions = {}): fc.Arbitrary<number[]> {
  const { rank, minSize = 1, maxSize = 3 } = options;
  const { minRank = rank ?? 0, maxRank = rank ?? Math.max(3, minRank) } = options;
  return fc.array(fc.integer({ min: minSize, max: maxSize }), {
    minLength: minRank,
    maxLength: maxRank,
  });
}

/**
 * Lengths of vectors around the ends of loops over 4, 16 or 64 elements, with all remainders. Small shapes do
 * not reach these.
 *
 * @example
 * fc.assert(fc.property(lengths, (n) => zeros([n]).add(1).sum().itemSync() === n));
 */
export const lengths: fc.Arbitrary<number> = fc.integer({ min: 1, max: 70 });

/**
 * Shapes that broadcast to `shape`: some sizes are 1, some leading axes are missing.
 *
 * @example
 * fc.assert(fc.property(broadcastable([2, 3]), (shape) => zeros(shape).expand([2, 3]).size === 6));
 */
export function broadcastable(shape: readonly number[]): fc.Arbitrary<number[]> {
  const { length } = shape;
  return fc
    .tuple(fc.nat(length), fc.array(fc.boolean(), { minLength: length, maxLength: length }))
    .map(([dropped, ones]) => shape.map((n, i) => (ones[i] ? 1 : n)).slice(dropped));
}

/** Two shapes and the shape that they broadcast to. */
export interface BroadcastPair {
  readonly left: readonly number[];
  readonly right: readonly number[];
  readonly shape: readonly number[];
}

/**
 * Two shapes that broadcast. Along each axis at least one of them has the full size; the other one may have
 * size 1, or lack the axis if it is in front.
 *
 * @example
 * fc.assert(
 *   fc.property(broadcastPairs(), ({ left, right, shape }) =>
 *     zeros(left).add(zeros(right)).size === zeros(shape).size),
 * );
 */
export function broadcastPairs(options: ShapeOptions = {}): fc.Arbitrary<BroadcastPair> {
  return shapes(options).chain((shape) => {
    const side = fc.constantFrom<('both' | 'left' | 'right')[]>('both', 'left', 'right');
    return fc
      .tuple(
        fc.array(side, { minLength: shape.length, maxLength: shape.length }),
        fc.nat(shape.length),
        fc.nat(shape.length),
      )
      .map(([whole, dropLeft, dropRight]) => {
        const left = dropOnes(
          shape.map((n, i) => (whole[i] === 'right' ? 1 : n)),
          dropLeft,
        );
        const right = dropOnes(
          shape.map((n, i) => (whole[i] === 'left' ? 1 : n)),
          dropRight,
        );
        const rank = Math.max(left.length, right.length);
        return { left, right, shape: shape.slice(shape.length - rank) };
      });
  });
}

/** A shape without its first `count` axes, but only as far as these have size 1. */
function dropOnes(shape: readonly number[], count: number): readonly number[] {
  const first = shape.findIndex((n) => n !== 1);
  return shape.slice(Math.min(count, first < 0 ? shape.length : first));
}
