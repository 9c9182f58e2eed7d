// The picture of samples: ten of each class, one row a class.

import { IMAGE_SIZE, type ModelConfig } from '../config/config.ts';
import type { SamplingConfig } from '../config/diffusion-config.ts';
import { drawImageGrid } from '../pictures/image-grid.ts';

/** Number of samples of one class in the picture. */
const GRID_COLUMNS = 10;

/** What all images of a grid are, row by row. `rows` has the label, or another number, of each row. */
export function gridIndices(rows: readonly number[]): number[] {
  return rows.flatMap((row) => new Array<number>(GRID_COLUMNS).fill(row));
}

/**
 * Draws the images of {@link gridIndices} as a PNG. Its title says how they were sampled.
 *
 * @param rowLabels the name of the class of each row
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
