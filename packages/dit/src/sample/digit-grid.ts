/** The picture of a run: ten samples of each class, one row a class. */

import { IMAGE_SIZE } from '../config.ts';
import { drawImageGrid } from '../pictures/image-grid.ts';

/** Samples of one class in the picture. */
const GRID_COLUMNS = 10;

/** The labels of all images of a grid, row by row. */
export function gridLabels(rows: readonly number[]): number[] {
  return rows.flatMap((label) => new Array<number>(GRID_COLUMNS).fill(label));
}

/** Draws the images of {@link gridLabels} as a PNG. */
export function drawDigitGrid(
  images: Float32Array,
  rows: readonly number[],
  title: string,
): Promise<Uint8Array> {
  return drawImageGrid({
    images,
    height: IMAGE_SIZE,
    width: IMAGE_SIZE,
    columns: GRID_COLUMNS,
    title,
    rowLabels: rows.map(String),
  });
}
