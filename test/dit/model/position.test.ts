import { describe, expect, it } from 'vitest';
import { sinCos1d, sinCos2d } from '@tessera/dit';

const numbers = (data: ArrayLike<number>): number[] => Array.from(data);

describe('sinCos2d', () => {
  it('gives the numbers of the official table', () => {
    const table = sinCos2d(8, 3);
    expect(table.shape).toEqual([9, 8]);
    const column1 = [0.84147098, 0.00999983, 0.54030231, 0.99995, 0, 0, 1, 1];
    const row1 = [0, 0, 1, 1, 0.84147098, 0.00999983, 0.54030231, 0.99995];
    numbers(table.select(0, 1).dataSync()).forEach((x, i) => expect(x).toBeCloseTo(column1[i], 7));
    numbers(table.select(0, 3).dataSync()).forEach((x, i) => expect(x).toBeCloseTo(row1[i], 7));
  });

  it('gives the column in the first half and the row in the second', () => {
    const table = sinCos2d(16, 5).reshape([5, 5, 2, 8]); // [row, column, half, D / 2]
    const half = (row: number, column: number, which: number): unknown =>
      table.select(0, row).select(0, column).select(0, which).toArraySync();
    expect(half(2, 4, 0)).toEqual(half(0, 4, 0));
    expect(half(2, 4, 1)).toEqual(half(2, 0, 1));
    expect(half(2, 4, 0)).toEqual(half(4, 2, 1));
  });

  it('needs four numbers a frequency', () => {
    expect(() => sinCos2d(6, 2)).toThrow('sinCos2d: width must be a multiple of 4, but is 6.');
  });
});

describe('sinCos1d', () => {
  it('interleaves sine and cosine', () => {
    const table = sinCos1d(6, 40);
    expect(table.shape).toEqual([40, 6]);
    const row = numbers(table.select(0, 37).dataSync());
    for (let k = 0; k < 3; k++) {
      const angle = 37 / 10_000 ** ((2 * k) / 6);
      expect(row[2 * k]).toBe(Math.fround(Math.sin(angle)));
      expect(row[2 * k + 1]).toBe(Math.fround(Math.cos(angle)));
    }
  });

  it('has 5000 positions unless told otherwise', () => {
    expect(sinCos1d(2).shape).toEqual([5000, 2]);
  });

  it('needs two numbers a frequency', () => {
    expect(() => sinCos1d(5)).toThrow('sinCos1d: width must be a multiple of 2, but is 5.');
  });
});
