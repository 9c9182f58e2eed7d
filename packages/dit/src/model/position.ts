// Position encodings: fixed tables of sines and cosines.

import { tensor, ValueError, type Tensor } from '@tessera/tensor';

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
  checkCount('sinCos1d', 'length', length);
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
 * The official 2-D table of DiT, `[grid², D]`. With `ω_k = 10000^(−k/(D/4))` and
 * `E(u) = [sin(u ω_0), sin(u ω_1), …, cos(u ω_0), cos(u ω_1), …]` of length D/2, the patch in row r
 * and column c, in table row `r · grid + c`, gets `[E(c), E(r)]`: the column comes first.
 *
 * Source: Peebles & Xie 2023, section 3.2, with the "sine-cosine version" of ViT.
 *
 * @param width D, a multiple of 4.
 * @param grid Patches a side.
 * @example
 * sinCos2d(8, 3).select(0, 1); // [0.8415, 0.01000, 0.5403, 0.99995, 0, 0, 1, 1]: row 0, column 1
 */
export function sinCos2d(width: number, grid: number): Tensor {
  checkWidth('sinCos2d', width, 4);
  checkCount('sinCos2d', 'grid', grid);
  const quarter = width / 4;
  const table = new Float32Array(grid * grid * width);
  const write = (start: number, u: number): void => {
    for (let k = 0; k < quarter; k++) {
      const angle = u * BASE ** (-k / quarter);
      table[start + k] = Math.sin(angle);
      table[start + quarter + k] = Math.cos(angle);
    }
  };
  for (let row = 0; row < grid; row++) {
    for (let column = 0; column < grid; column++) {
      const start = (row * grid + column) * width;
      write(start, column);
      write(start + width / 2, row);
    }
  }
  return tensor(table, { shape: [grid * grid, width] });
}

function checkCount(op: string, name: string, count: number): void {
  if (Number.isSafeInteger(count) && count >= 0) return;
  throw new ValueError(op, `${name} must be a whole number of at least 0, but is ${count}.`);
}

function checkWidth(op: string, width: number, unit: number): void {
  if (Number.isInteger(width / unit) && width > 0) return;
  throw new ValueError(op, `width ${width} is not a multiple of ${unit}.`);
}
