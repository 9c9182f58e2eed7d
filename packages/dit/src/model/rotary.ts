// Rotary position embedding over a grid of patches: queries and keys are turned by their places.

import { tensor, type Tensor } from '@tessera/tensor';

/** Base of the wavelengths. Grids of patches are short, so it is smaller than the 10000 of texts. */
const BASE = 100;

/** Cosines and sines of the angles of all places, `[T, 2, E/2]` each. */
export interface RotaryTables {
  readonly cos: Tensor;
  /** With the sign of the element that the sine is multiplied by: first −, then +. */
  readonly sin: Tensor;
}

/**
 * The angles of the patches of a grid for heads of width E. Element j of the first half of a head and element
 * j + E/2 are a pair, which is turned by one angle. The first half of the pairs turns by the row of the patch, the other
 * by its column, with the frequencies `100^(−k/(E/4))`.
 *
 * Source: Su et al. 2021, "RoFormer: enhanced transformer with rotary position embedding", equation 34; along
 * two axes and with base 100 as in Heo et al. 2024, "Rotary position embedding for vision transformer", section 3.2.
 *
 * @param grid Rows and columns of patches.
 * @param headWidth E, a multiple of 4.
 */
export function rotaryTables(grid: readonly [number, number], headWidth: number): RotaryTables {
  const [rows, columns] = grid;
  const [half, quarter] = [headWidth / 2, headWidth / 4];
  const [cos, sin] = [0, 0].map(() => new Float32Array(rows * columns * headWidth));
  for (let patch = 0; patch < rows * columns; patch++) {
    const places = [Math.floor(patch / columns), patch % columns];
    for (let j = 0; j < half; j++) {
      const angle = places[Math.floor(j / quarter)] * BASE ** (-(j % quarter) / quarter);
      const first = patch * headWidth + j;
      cos[first] = Math.cos(angle);
      cos[first + half] = Math.cos(angle);
      sin[first] = -Math.sin(angle);
      sin[first + half] = Math.sin(angle);
    }
  }
  const shape = [rows * columns, 2, half];
  return { cos: tensor(cos, { shape }), sin: tensor(sin, { shape }) };
}

/**
 * Turns each pair of each head by the angle of its token. Products of a turned query and a turned key depend
 * on the difference of their places alone.
 *
 * @param x `[B, N, T, E]`
 * @returns `[B, N, T, E]`
 */
export function rotate(x: Tensor, { cos, sin }: RotaryTables): Tensor {
  const pairs = x.reshape([...x.shape.slice(0, -1), 2, x.shape[3] / 2]); // [B, N, T, 2, E/2]
  // The partner of each element is a view, so all of this is one kernel.
  return pairs.mul(cos).add(pairs.flip(-2).mul(sin)).reshape(x.shape);
}
