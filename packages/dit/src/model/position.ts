// Position encodings: fixed tables of sines and cosines.

import { kindOf, tensor, ValueError, type Tensor } from '@tessera/tensor';
import { checkSides, checkWhole } from '../config/argument-check.ts';
import { sidesOf, type Sides } from '../config/ranges.ts';

/** Base of the wavelengths, from 2π to 10000 · 2π. */
const BASE = 10_000;

/**
 * The 1-D sinusoidal table `[length, D]`: `sin(p · ω_k)` in column 2k and `cos(p · ω_k)` in column
 * 2k + 1 of row p, with `ω_k = 10000^(−2k/D)`.
 *
 * Source: Vaswani et al. 2017, "Attention is all you need", section 3.5.
 *
 * @param width D, even.
 * @param length Number of positions. Default 5000.
 * @example
 * sinCos1d(2, 3); // [[0, 1], [0.8415, 0.5403], [0.9093, -0.4161]]
 */
export function sinCos1d(width: number, length = 5000): Tensor {
  checkWidth('sinCos1d', width, 2);
  checkWhole('sinCos1d', 'length', length, 0);
  const table = new Float32Array(length * width);
  for (let position = 0; position < length; position++) {
    for (let k = 0; k < width / 2; k++) {
      const angle = position * BASE ** ((-2 * k) / width);
      table[position * width + 2 * k] = Math.sin(angle);
      table[position * width + 2 * k + 1] = Math.cos(angle);
    }
  }
  return tensor(table, { shape: [length, width] });
}

/**
 * The official 2-D table of DiT, `[rows · columns, D]`. Table row `r · columns + c` belongs to the patch in row r
 * and column c. It is `[E(c), E(r)]`, the column first, with `ω_k = 10000^(−k/(D/4))` and
 * `E(u) = [sin(u ω_0), sin(u ω_1), …, cos(u ω_0), cos(u ω_1), …]` of length D/2.
 *
 * Source: Peebles & Xie 2023, section 3.2, with the "sine-cosine version" of ViT.
 *
 * @param width D, a multiple of 4.
 * @param grid Number of patches along a side, or rows and columns.
 * @example
 * sinCos2d(8, 3).select(0, 1); // [0.8415, 0.01000, 0.5403, 0.99995, 0, 0, 1, 1]: row 0, column 1
 */
export function sinCos2d(width: number, grid: Sides): Tensor {
  checkWidth('sinCos2d', width, 4);
  checkSides('sinCos2d', 'grid', grid, 0);
  const [rows, columns] = sidesOf(grid);
  const quarter = width / 4;
  const table = new Float32Array(rows * columns * width);
  const write = (start: number, u: number): void => {
    for (let k = 0; k < quarter; k++) {
      const angle = u * BASE ** (-k / quarter);
      table[start + k] = Math.sin(angle);
      table[start + quarter + k] = Math.cos(angle);
    }
  };
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const start = (row * columns + column) * width;
      write(start, column);
      write(start + width / 2, row);
    }
  }
  return tensor(table, { shape: [rows * columns, width] });
}

function checkWidth(op: string, width: number, unit: number): void {
  if (typeof width === 'number' && Number.isInteger(width / unit) && width > 0) return;
  throw new ValueError(op, `width must be a multiple of ${unit}, but is ${kindOf(width)}.`);
}
