import { arange, ones, roll, tensor, tile, zeros } from '@tessera/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('tile', () => {
  it('repeats the whole tensor along each dimension', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { minLength: 1, maxLength: 3 }),
        (dimensions) => {
          const shape = dimensions.map(([n]) => n);
          const x = arange(shape.reduce((a, b) => a * b)).reshape(shape);
          const tiled = tile(
            x.flip(),
            dimensions.map(([, repetitions]) => repetitions),
          );
          expect(tiled.shape).toEqual(dimensions.map(([n, repetitions]) => n * repetitions));
          const values = x.flip().dataSync();
          const places = [...tiled.dataSync().keys()].map((flat) => {
            let rest = flat;
            let place = 0;
            let stride = 1;
            for (let i = shape.length - 1; i >= 0; i--) {
              place += ((rest % tiled.shape[i]) % shape[i]) * stride;
              rest = Math.floor(rest / tiled.shape[i]);
              stride *= shape[i];
            }
            return values[place];
          });
          expect([...tiled.dataSync()]).toEqual(places);
        },
      ),
    );
  });

  it('fills up the shorter of shape and repetitions in front', () => {
    expect(tile(tensor([1, 2]), [2, 1]).toArraySync()).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(tile(ones([2, 3]), [2]).shape).toEqual([2, 6]);
    expect(tile(tensor(1), [2]).toArraySync()).toEqual([1, 1]);
  });

  it('refuses half repetitions', () => {
    expect(() => tile(ones([2]), [1.5])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: tile: sizes must be whole numbers of at least 0, but got [1.5].]`,
    );
  });
});

describe('roll', () => {
  it('moves element i to i + shift around the axis', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: -20, max: 20 }), (n, shift) => {
        const rolled = roll(arange(n), shift, -1).toArraySync() as number[];
        const expected = Array.from({ length: n }, (_, i) => (((i - shift) % n) + n) % n);
        expect(rolled).toEqual(expected);
      }),
    );
  });

  it('moves along several axes, one after the other', () => {
    const x = arange(6).reshape([2, 3]);
    expect(roll(x, [1, -1], [0, 1]).toArraySync()).toEqual([
      [4, 5, 3],
      [1, 2, 0],
    ]);
    expect(roll(x, [1, 1], [1, 1]).toArraySync()).toEqual(roll(x, 2, 1).toArraySync());
    expect(roll(x, [], []).toArraySync()).toEqual(x.toArraySync());
    expect(roll(zeros([0, 2]), 1, 0).shape).toEqual([0, 2]);
  });

  it('refuses axes that are not there and shifts without an axis', () => {
    expect(() => roll(ones([2]), 1, 1)).toThrowErrorMatchingInlineSnapshot(
      `[AxisError: roll: axis 1 does not exist: valid axes are -1 to 0.]`,
    );
    expect(() => roll(ones([2]), [1, 2], 0)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: roll: 2 shifts for 1 axes: one each expected.]`,
    );
  });
});
