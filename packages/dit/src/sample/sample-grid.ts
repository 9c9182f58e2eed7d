// The picture of samples: ten of each class, one row a class.

import { IMAGE_SIZE, type ModelConfig, type SamplingConfig } from '../config/config.ts';
import { drawImageGrid } from '../pictures/image-grid.ts';

/** Samples of one class in the picture. */
const GRID_COLUMNS = 10;

/** The labels of all images of a grid, row by row. */
export function gridLabels(rows: readonly number[]): number[] {
  return rows.flatMap((label) => new Array<number>(GRID_COLUMNS).fill(label));
}

/**
 * Draws the images of {@link gridLabels} as a PNG, with a title that says how they were drawn.
 *
 * @param rowLabels what the class of each row is called
 */
export function drawSampleGrid(
  images: Float32Array,
  rowLabels: readonly string[],
  drawn: SamplingConfig & Pick<ModelConfig, 'design'>,
): Promise<Uint8Array> {
  return drawImageGrid({
    images,
    height: IMAGE_SIZE,
    width: IMAGE_SIZE,
    columns: GRID_COLUMNS,
    title: `${drawn.design} · guidance ${drawn.guidance} · ${drawn.steps} ${drawn.sampler} steps`,
    rowLabels,
  });
}
