import { move, movements, shapes, type Movement } from '@tessera/autograd/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sizeOf, tensor, type Tensor } from '@tessera/tensor';

/** Applies movements to the row-major copy of every intermediate, so that no view ever builds on a view. */
function withCopies(x: Tensor, chain: readonly Movement[]): Tensor {
  return chain.reduce((value, movement) => {
    const moved = move(value, movement);
    return tensor(moved.dataSync().slice(), { shape: moved.shape });
  }, x);
}

const small = shapes({ maxRank: 4, minSize: 0, maxSize: 4 }).map((shape) =>
  tensor(
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => i + 1),
    { shape },
  ),
);

const permuted = small.chain((x) => {
  const axes = x.shape.map((_, i) => i);
  return fc.tuple(fc.constant(x), fc.shuffledSubarray(axes, { minLength: axes.length }));
});

describe('view algebra', () => {
  it('gives for any chain of movements what copying after each would give', () => {
    fc.assert(
      fc.property(small, fc.array(movements, { maxLength: 6 }), (x, chain) => {
        const viewed = chain.reduce(move, x);
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
