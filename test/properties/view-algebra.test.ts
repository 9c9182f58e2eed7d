import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tensor, type Tensor } from '@tessera/tensor';
import { movements, small, type NamedMovement } from './movements.ts';

/** Applies movements to the row-major copy of every intermediate, so that no view ever builds on a view. */
function withCopies(x: Tensor, chain: readonly NamedMovement[]): Tensor {
  return chain.reduce((value, { apply }) => {
    const moved = apply(value);
    return tensor(moved.dataSync().slice(), { shape: moved.shape });
  }, x);
}

const permuted = small.tensor.chain((x) => {
  const axes = x.shape.map((_, i) => i);
  return fc.tuple(fc.constant(x), fc.shuffledSubarray(axes, { minLength: axes.length }));
});

describe('view algebra', () => {
  it('gives for any chain of movements what copying after each would give', () => {
    fc.assert(
      fc.property(small.chain, ({ x, picks }) => {
        const chain = movements(x, picks);
        const viewed = chain.reduce((value, { apply }) => apply(value), x);
        const copied = withCopies(x, chain);
        expect(viewed.shape).toEqual(copied.shape);
        expect(Array.from(viewed.dataSync())).toEqual(Array.from(copied.dataSync()));
      }),
      { numRuns: 400 },
    );
  });

  it('copies nothing for permute, expand, slice and flip', () => {
    const x = tensor(new Float32Array(24), { shape: [2, 3, 4] });
    const storageOf = (y: Tensor): unknown => (y.value.kind === 'stored' ? y.value.storage : null);
    const views = [
      x.permute([2, 0, 1]),
      x.unsqueeze(1).expand([2, 5, 3, 4]),
      x.slice([[0, 1], null, [null, null, 2]]),
    ];
    for (const view of [...views, x.flip(), x.reshape([6, 4]), x.transpose().flip(0)]) {
      expect(storageOf(view)).toBe(storageOf(x));
    }
  });

  it('undoes a permutation by its inverse and a flip by itself', () => {
    fc.assert(
      fc.property(permuted, ([x, order]) => {
        const axes = x.shape.map((_, i) => i);
        const inverse = axes.map((axis) => order.indexOf(axis));
        expect(x.permute(order).permute(inverse).toArraySync()).toEqual(x.toArraySync());
        expect(x.flip().flip().toArraySync()).toEqual(x.toArraySync());
      }),
    );
  });
});
