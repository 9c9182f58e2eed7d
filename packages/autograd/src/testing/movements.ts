// Random movements for property tests: transposed, sliced, reversed and repeated views.

import type { Tensor } from '@tessera/tensor';
import fc from 'fast-check';

/** One movement that fits every tensor: axes and positions count modulo its rank and sizes. */
export interface Movement {
  readonly kind:
    'unsqueeze' | 'transpose' | 'flip' | 'slice' | 'flatten' | 'split' | 'repeat' | 'crop';
  readonly axis: number;
  readonly by: number;
  readonly start: number;
}

/** A chain of movements, as a function. */
export type View = (x: Tensor) => Tensor;

/**
 * Random movements: new, transposed, reversed, strided, merged, split and repeated axes, for {@link move}.
 *
 * @example
 * const commutes = (movement: Movement) => {
 *   const x = arange(6, 'float32').reshape([2, 3]);
 *   return move(x.exp(), movement).equal(move(x, movement).exp()).min().itemSync() === 1;
 * };
 * fc.assert(fc.property(movements, commutes));
 */
export const movements: fc.Arbitrary<Movement> = fc.record({
  kind: fc.constantFrom<Movement['kind'][]>(
    'unsqueeze',
    'transpose',
    'flip',
    'slice',
    'crop',
    'flatten',
    'split',
    'repeat',
  ),
  axis: fc.nat(20),
  by: fc.nat(20),
  start: fc.nat(20),
});

/**
 * Chains of up to three movements. With one of them between an argument and a function, the function gets a
 * strided, often non-contiguous view.
 *
 * @example
 * fc.assert(fc.property(floats([2, 3]), views, (x, view) => view(x.exp()).shape.join() === view(x).exp().shape.join()));
 */
export const views: fc.Arbitrary<View> = fc.array(movements, { maxLength: 3 }).map((chain) =>
  Object.assign((x: Tensor) => chain.reduce(move, x), {
    [fc.toStringMethod]: () => `view ${JSON.stringify(chain)}`,
  }),
);

/** The most elements to which a movement enlarges a tensor. */
const MAX_SIZE = 200;

/**
 * Applies a movement. A tensor without elements stays without; one with elements keeps at least one.
 *
 * @example
 * move(ones([2, 3]), { kind: 'transpose', axis: 0, by: 1, start: 0 }).shape; // [3, 2]
 */
export function move(x: Tensor, { kind, axis, by, start }: Movement): Tensor {
  const { rank, shape, size } = x;
  if (rank === 0 || kind === 'unsqueeze') return x.unsqueeze(axis % (rank + 1));
  const at = axis % rank;
  const n = shape[at];
  const onAxis = (range: [number | null, number | null, number]): Tensor =>
    x.slice(shape.map((_, i) => (i === at ? range : null)));
  switch (kind) {
    case 'transpose':
      return x.transpose(at, by % rank);
    case 'flip':
      return x.flip(at);
    case 'slice':
      return onAxis([null, null, [2, -1, -2][by % 3]]);
    case 'crop':
      return onAxis([n === 0 ? 0 : start % n, null, 1]);
    case 'flatten':
      return x.flatten();
    case 'split': {
      const divisor = [2, 3].find((d) => n > 0 && n % d === 0) ?? 1;
      return x.reshape([...shape.slice(0, at), divisor, n / divisor, ...shape.slice(at + 1)]);
    }
    case 'repeat': {
      if (2 * size > MAX_SIZE) return x;
      return x.unsqueeze(at).expand([...shape.slice(0, at), 2, ...shape.slice(at)]);
    }
  }
}
