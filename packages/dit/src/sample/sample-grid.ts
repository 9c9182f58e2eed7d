// The picture of samples: ten of each class, one row a class.

import type { ImageShape } from '../config/autoencoder-config.ts';
import type { ModelConfig } from '../config/model-config.ts';
import type { SamplingConfig } from '../config/diffusion-config.ts';
import { drawImageGrid } from '../pictures/image-grid.ts';
import { formatGuidance, type GuidanceScales } from './guidance-scales.ts';

/** Number of samples of one class in the picture. */
export const GRID_COLUMNS = 10;

/** What all images of a grid are, row by row. `rows` has the label, or another number, of each row. */
export function gridIndices(rows: readonly number[], columns: number = GRID_COLUMNS): number[] {
  return rows.flatMap((row) => new Array<number>(columns).fill(row));
}

/** How the samples of a grid were drawn. */
type Drawn = SamplingConfig &
  Pick<ModelConfig, 'design'> & {
    /** A guidance scale for each condition by name, in place of one for all. */
    readonly scales?: GuidanceScales;
    /** The scale that a flow map was trained with, in place of any other. */
    readonly trainedGuidance?: number | undefined;
  };

/** The title of a grid: the design of the model, the guidance, and the steps. */
export function gridTitle(drawn: Drawn): string {
  const { design, guidance, scales, trainedGuidance, steps, sampler } = drawn;
  const guided =
    trainedGuidance === undefined
      ? `guidance ${formatGuidance(guidance, scales)}`
      : `trained with guidance ${trainedGuidance}`;
  return `${design} · ${guided} · ${steps} ${sampler} steps`;
}

/**
 * Draws the images of {@link gridIndices} as a PNG. Its title says how they were sampled.
 *
 * @param rowLabels the name of the class of each row
 */
export function drawSampleGrid(
  images: Float32Array,
  { size, channels }: ImageShape,
  rowLabels: readonly string[],
  drawn: Drawn,
  columns: number = GRID_COLUMNS,
  columnLabels?: readonly string[],
): Promise<Uint8Array> {
  return drawImageGrid({
    images,
    channels,
    height: size,
    width: size,
    columns,
    title: gridTitle(drawn),
    rowLabels,
    ...(columnLabels !== undefined && { columnLabels }),
  });
}
