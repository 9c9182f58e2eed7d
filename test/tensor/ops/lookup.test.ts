import {
  formatSpec,
  compile,
  maskedSelect,
  nonzero,
  tensor,
  unique,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { grad } from '@tessera/autograd';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('nonzero', () => {
  it('lists indices in row-major order', async () => {
    const x = tensor([
      [0, NaN, 0],
      [-1, 0, 2],
    ]);
    const index = await nonzero(x);
    expect(formatSpec(index)).toBe('int32[3, 2]');
    expect(index.toArraySync()).toEqual([
      [0, 1],
      [1, 0],
      [1, 2],
    ]);
    expect((await nonzero(x.transpose())).toArraySync()).toEqual([
      [0, 1],
      [1, 0],
      [2, 1],
    ]);
    expect((await nonzero(zeros([2, 2]))).shape).toEqual([0, 2]);
    expect((await nonzero(tensor(5))).shape).toEqual([1, 0]);
    expect((await nonzero(tensor([false, true]))).toArraySync()).toEqual([[1]]);
  });

  it('says where it can be used', () => {
    const inside = (x: Tensor): Tensor => {
      void nonzero(x);
      return x.sum();
    };
    expect(() => compile(inside)(zeros([2]))).toThrowErrorMatchingInlineSnapshot(
      `[StateError: nonzero: its result depends on values, and inside of compile values cannot be awaited. Call it outside, with await, and pass the result in.]`,
    );
    expect(() => grad(inside)(zeros([2]))).toThrowErrorMatchingInlineSnapshot(
      `[StateError: nonzero: its result depends on values, and inside of grad values cannot be awaited. Call it outside, with await, and pass the result in.]`,
    );
  });
});

describe('maskedSelect', () => {
  it('gives what is masked as a vector', async () => {
    const x = tensor([
      [1, -2],
      [3, 4],
    ]);
    expect((await maskedSelect(x, x.greater(0))).toArraySync()).toEqual([1, 3, 4]);
    expect((await maskedSelect(x, tensor([true, false]))).toArraySync()).toEqual([1, 3]);
    expect(formatSpec(await maskedSelect(x.cast('int32'), x.less(-5)))).toBe('int32[0]');
    expect(() => maskedSelect(x, x)).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: maskedSelect: takes bool, but got float32. Compare first, e.g. x.greater(0).]`,
    );
  });
});

describe('unique', () => {
  it('gives values, where they are and how many', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: -3, max: 3 }), { maxLength: 30 }),
        async (list) => {
          const { values, inverse, counts } = await unique(tensor(Int32Array.from(list)));
          const expected = [...new Set(list)].sort((a, b) => a - b);
          expect(values.toArraySync()).toEqual(expected);
          const found = [...inverse.dataSync()].map((i) => expected[i]);
          expect(found).toEqual(list);
          const times = expected.map((value) => list.filter((each) => each === value).length);
          expect(counts.toArraySync()).toEqual(times);
        },
      ),
    );
  });

  it('takes all NaN for one value, and −0 for 0', async () => {
    const { values, inverse, counts } = await unique(
      tensor([
        [NaN, 1, 0],
        [-0, NaN, 1],
      ]),
    );
    expect(values.toArraySync()).toEqual([0, 1, NaN]);
    expect(inverse.toArraySync()).toEqual([
      [2, 1, 0],
      [0, 2, 1],
    ]);
    expect(counts.toArraySync()).toEqual([2, 2, 2]);
    expect(formatSpec((await unique(tensor([true, true]))).values)).toBe('bool[1]');
  });
});
