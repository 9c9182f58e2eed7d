import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distanceTransform } from '../../../packages/dit/src/data/measures/distance.ts';
import { strokeOf } from '../../../packages/dit/src/data/measures/strokes.ts';

const SIDE = 28;

/** A bar of a width that moves to the right by `shear` for each row upwards, grey where a pixel is cut. */
function bar(width: number, shear: number): Uint8Array {
  const fine = 8;
  return Uint8Array.from({ length: SIDE ** 2 }, (_, pixel) => {
    const [row, column] = [Math.floor(pixel / SIDE), pixel % SIDE];
    if (row < 4 || row >= 24) return 0;
    let covered = 0;
    for (let i = 0; i < fine; i++) {
      const x = column + (i + 0.5) / fine - 14 - shear * (13.5 - row);
      if (Math.abs(x) <= width / 2) covered++;
    }
    return Math.round((255 * covered) / fine);
  });
}

describe('the distance transform', () => {
  it('is the distance to the nearest pixel outside, by definition', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        fc.func(fc.boolean()),
        (rows, columns, chosen) => {
          const inside = Array.from({ length: rows * columns }, (_, pixel) => chosen(pixel));
          const isInside = (row: number, column: number): boolean =>
            row >= 0 &&
            row < rows &&
            column >= 0 &&
            column < columns &&
            inside[row * columns + column];
          const found = distanceTransform((pixel) => inside[pixel], rows, columns);
          for (let row = 0; row < rows; row++) {
            for (let column = 0; column < columns; column++) {
              let nearest = Infinity;
              for (let r = -1; r <= rows; r++) {
                for (let c = -1; c <= columns; c++) {
                  if (!isInside(r, c)) nearest = Math.min(nearest, Math.hypot(r - row, c - column));
                }
              }
              expect(found[row * columns + column]).toBeCloseTo(nearest, 10);
            }
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('the strokes of a digit', () => {
  it('are as thick and as slanted as they were drawn', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 6 }),
        fc.double({ min: -0.5, max: 0.5, noNaN: true }),
        (width, shear) => {
          const { thickness, slant } = strokeOf(bar(width, shear), SIDE, SIDE);
          expect(Math.abs(slant - shear)).toBeLessThan(0.05); // a column of rounded pixels in 20 rows
          // A sheared bar is narrower across; the ends of the bar and whole pixels count too.
          expect(Math.abs(thickness - width / Math.hypot(1, shear))).toBeLessThan(1);
        },
      ),
    );
  });

  it('are nothing without ink', () => {
    expect(strokeOf(new Uint8Array(16), 4, 4)).toEqual({ thickness: 0, slant: 0 });
  });

  it('keep their order: a thicker bar measures thicker, one that leans more slants more', () => {
    const thick = [2, 3, 4, 5, 6].map((width) => strokeOf(bar(width, 0), SIDE, SIDE).thickness);
    expect(thick).toEqual([...thick].sort((a, b) => a - b));
    const lean = [-0.4, -0.1, 0, 0.2, 0.5].map(
      (shear) => strokeOf(bar(3, shear), SIDE, SIDE).slant,
    );
    expect(lean).toEqual([...lean].sort((a, b) => a - b));
  });
});
