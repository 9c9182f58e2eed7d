// How thick the strokes of a digit are and which way it leans, measured from its pixels.

import { ShapeError } from '@tessera/tensor';
import { checkArray, checkWhole } from '../../config/argument-check.ts';
import { distanceTransform } from './distance.ts';

/** Measures of the strokes of a digit. */
export interface Stroke {
  /** Width of the strokes in pixels. */
  readonly thickness: number;
  /** How far the digit moves to the right for each pixel upwards: 0 is upright, above 0 leans right. */
  readonly slant: number;
}

/** Pixels from this byte on are ink. */
const INK = 128;

/**
 * Measures a digit of light ink on dark ground.
 *
 * The pixels of a stroke of width w lie w / 4 from its border on average, so the thickness is four times the
 * mean distance to the border. The slant is the shear of the ink, `−μ11 / μ02` with its central moments over
 * columns and rows.
 *
 * Source: the measures of Castro et al. 2019, "Morpho-MNIST: quantitative assessment and diagnostics for
 * representation learning", section 3.2. Theirs takes the distance along the skeleton.
 *
 * @param pixels bytes, row by row
 * @returns zeros for an image without ink
 * @throws ShapeError unless there is a byte for each pixel
 * @example
 * const bar = Uint8Array.of(0, 255, 255, 0, 0, 255, 255, 0, 0, 255, 255, 0);
 * strokeOf(bar, 3, 4); // { thickness: 2, slant: 0 }
 */
export function strokeOf(pixels: Uint8Array, rows: number, columns: number): Stroke {
  checkArray('strokeOf', 'pixels', pixels, 'Uint8Array');
  checkWhole('strokeOf', 'rows', rows, 1);
  checkWhole('strokeOf', 'columns', columns, 1);
  if (pixels.length !== rows * columns) {
    throw new ShapeError(
      'strokeOf',
      `there are ${pixels.length} bytes, expected ${rows * columns} for ${rows} rows of ${columns}.`,
      [[pixels.length], [rows, columns]],
    );
  }
  const distances = distanceTransform((pixel) => pixels[pixel] >= INK, rows, columns);
  let [inside, toBorder] = [0, 0];
  let [mass, sumX, sumY] = [0, 0, 0];
  pixels.forEach((ink, pixel) => {
    mass += ink;
    sumX += ink * (pixel % columns);
    sumY += ink * Math.floor(pixel / columns);
    if (ink < INK) return;
    inside++;
    // The border lies half a pixel before the centre of the nearest pixel outside.
    toBorder += distances[pixel] - 0.5;
  });
  if (inside === 0) return { thickness: 0, slant: 0 };
  let [mixed, vertical] = [0, 0];
  pixels.forEach((ink, pixel) => {
    const x = (pixel % columns) - sumX / mass;
    const y = Math.floor(pixel / columns) - sumY / mass;
    mixed += ink * x * y;
    vertical += ink * y * y;
  });
  const slant = vertical === 0 ? 0 : -mixed / vertical;
  return { thickness: (4 * toBorder) / inside, slant };
}
