import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RunCursor } from '../../../../packages/tensor/src/backends/cpu/cursor.ts';
import { sizeOf } from '../../../../packages/tensor/src/array/shape.ts';
import { indexOf, inputOf, placeOf, shapes } from './kernel-runs.ts';

describe('RunCursor', () => {
  it('takes runs that end where their row does', () => {
    const cursor = new RunCursor({ shape: [2, 3], strides: [8, 1], offset: 4 });
    const taken = [2, 9, 9].map((limit) => [cursor.take(limit), cursor.at]);
    expect(taken).toEqual([
      [2, 4],
      [1, 6],
      [3, 12],
    ]);
  });

  it('visits every element of any view in row-major order, whatever the limits, again and again', () => {
    const cases = shapes
      .filter((shape) => sizeOf(shape) > 0)
      .chain((shape) => fc.tuple(inputOf(shape), fc.array(fc.integer({ min: 1, max: 9 }))));
    fc.assert(
      fc.property(cases, ([{ view }, limits]) => {
        const size = sizeOf(view.shape);
        const cursor = new RunCursor(view);
        const visit = (): number[] => {
          const places: number[] = [];
          for (let step = 0; places.length < size; step++) {
            const count = cursor.take(Math.min(limits[step] ?? size, size - places.length));
            for (let i = 0; i < count; i++) places.push(cursor.at + i * cursor.stride);
          }
          return places;
        };
        const expected = Array.from({ length: size }, (_, i) =>
          placeOf(view, indexOf(view.shape, i)),
        );
        expect(visit()).toEqual(expected);
        expect(visit()).toEqual(expected);
      }),
    );
  });
});
