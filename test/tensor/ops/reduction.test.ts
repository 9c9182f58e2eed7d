import {
  formatSpec,
  argmax,
  argmin,
  key,
  normal,
  ones,
  prod,
  randomInt,
  tensor,
  zeros,
} from '@tessera/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('prod', () => {
  it('multiplies all elements, of any number', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -4, max: 4 }), { maxLength: 9 }), (list) => {
        const expected = list.reduce((a, b) => a * b, 1);
        expect(prod(tensor(list, { shape: [list.length] })).itemSync() - expected).toBe(0);
      }),
    );
  });

  it('multiplies along axes, which stay with size 1 if asked', () => {
    const x = tensor([
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    ]); // [1, 3, 2]
    expect(prod(x, 1).toArraySync()).toEqual([[15, 48]]);
    expect(prod(x, [0, -1], { keepDims: true }).toArraySync()).toEqual([[[2], [12], [30]]]);
    expect(prod(x.permute([2, 0, 1]).flip(0), [0, 1]).toArraySync()).toEqual([2, 12, 30]);
    expect(prod(x, []).toArraySync()).toEqual(x.toArraySync());
    expect(prod(tensor(7)).toArraySync()).toBe(7);
  });

  it('is 1 of no elements, and nothing of none', () => {
    expect(prod(zeros([2, 0, 3]), 1).toArraySync()).toEqual([
      [1, 1, 1],
      [1, 1, 1],
    ]);
    expect(prod(zeros([2, 0, 3]), 2).shape).toEqual([2, 0]);
    expect(prod(zeros([2, 0, 3]), 1, { keepDims: true }).shape).toEqual([2, 1, 3]);
  });

  it('keeps whole numbers whole', () => {
    expect(formatSpec(prod(tensor([3, 7], { dtype: 'int32' })))).toBe('int32[]');
    expect(formatSpec(prod(tensor([true, false])))).toBe('int32[]');
    expect(prod(tensor([true, true])).itemSync()).toBe(1);
    expect(formatSpec(prod(zeros([0], 'int32')))).toBe('int32[]');
  });

  it('refuses axes that are not there', () => {
    expect(() => prod(ones([2, 3]), 2)).toThrowErrorMatchingInlineSnapshot(
      `[AxisError: prod: axis 2 does not exist: valid axes are -2 to 1.]`,
    );
    expect(() => prod(ones([2, 3]), [1, -1])).toThrowErrorMatchingInlineSnapshot(
      `[AxisError: prod: axis 1 is named twice in [1, -1].]`,
    );
  });
});

describe('argmax and argmin', () => {
  it('find the first extreme element along any axis of any view', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
        fc.nat(),
        fc.nat(),
        fc.boolean(),
        (shape, seed, axisSeed, largest) => {
          const axis = axisSeed % shape.length;
          const x = randomInt(key(seed), shape, 0, 3).transpose(0, -1).flip(0); // with many ties
          const found = (largest ? argmax : argmin)(x, axis);
          expect(found.dtype).toBe('int32');
          const rows = x.permute(
            [...x.shape.keys()].sort((a, b) => Number(a === axis) - Number(b === axis)),
          );
          const n = x.shape[axis];
          const values = rows.reshape([x.size / n, n]).toArraySync() as number[][];
          const expected = values.map((row) =>
            row.indexOf(largest ? Math.max(...row) : Math.min(...row)),
          );
          expect([...found.dataSync()]).toEqual(expected);
        },
      ),
    );
  });

  it('search the flattened tensor by default', () => {
    const x = normal(key(1), [3, 4, 2]);
    const list = [...x.dataSync()];
    expect(argmax(x).toArraySync()).toBe(list.indexOf(Math.max(...list)));
    expect(argmin(x, null, { keepDims: true }).shape).toEqual([1, 1, 1]);
    expect(argmax(tensor(5)).toArraySync()).toBe(0);
  });

  it('keep the axis if asked', () => {
    expect(argmax(ones([2, 3]), -1, { keepDims: true }).shape).toEqual([2, 1]);
  });

  it('find NaN and infinities', () => {
    const x = tensor([
      [1, NaN, 3, NaN],
      [Infinity, 2, Infinity, 0],
      [-Infinity, -Infinity, -Infinity, -Infinity],
    ]);
    expect(argmax(x, 1).toArraySync()).toEqual([1, 0, 0]);
    expect(argmin(x, 1).toArraySync()).toEqual([1, 3, 0]);
  });

  it('take bools', () => {
    expect(argmax(tensor([false, true, true])).itemSync()).toBe(1);
    expect(argmin(tensor([true, true, false])).itemSync()).toBe(2);
  });

  it('find nothing along other empty axes, but refuse to search nothing', () => {
    expect(argmax(zeros([0, 3]), 1).shape).toEqual([0]);
    expect(() => argmax(zeros([0, 3]), 0)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: argmax: [0, 3] has no elements to compare.]`,
    );
    expect(() => argmin(zeros([0, 3]), 2)).toThrowErrorMatchingInlineSnapshot(
      `[AxisError: argmin: axis 2 does not exist: valid axes are -2 to 1.]`,
    );
  });
});

describe('max and min of bools', () => {
  it('say whether any is true, and whether all are', async () => {
    const x = tensor([
      [true, false],
      [true, true],
    ]);
    expect(x.max(1).dtype).toBe('bool');
    expect(await x.max(1).toArray()).toEqual([1, 1]);
    expect(await x.min(1, { keepDims: true }).toArray()).toEqual([[0], [1]]);
  });
});
