// What a codec decides of a run before anything is computed: the sizes of images and model, and their rules.

import { ValueError } from '@tessera/tensor';
import type { ImageShape } from '../autoencoder-config.ts';
import { DEFAULT_CODEC, type CodecName } from '../choices.ts';
import type { TrainConfig } from '../config.ts';
import { sidesOf } from '../ranges.ts';
import { autoencoderRules } from './autoencoder-rules.ts';
import { latentRules } from './latent-rules.ts';
import { pixelRules } from './pixel-rules.ts';

/** The sizes and rules of one codec. */
export interface CodecRules {
  /** Pixels that become one place of what the model sees, each way. */
  downscaling(config: TrainConfig): number;
  /** The images that samples become; `undefined` where they are latents that cannot be shown. */
  imageShape(config: TrainConfig): ImageShape | undefined;
  /** Says which rule between codec and model is broken first; `undefined` if all hold. */
  problem(config: TrainConfig): string | undefined;
  /** What data of this shape `[channels, rows, columns]` decide: the sizes of model and autoencoder. */
  fitted(config: TrainConfig, shape: DataShape): Pick<TrainConfig, 'autoencoder' | 'model'>;
}

/** Sizes of one image in its square, or of one given latent. */
export type DataShape = readonly [channels: number, rows: number, columns: number];

const RULES: Readonly<Record<CodecName, CodecRules>> = {
  autoencoder: autoencoderRules,
  pixels: pixelRules,
  latents: latentRules,
};

/** The codec of a run. */
export function codecName({ codec = DEFAULT_CODEC }: Pick<TrainConfig, 'codec'>): CodecName {
  return codec;
}

/** The rules of a run's codec. */
export function rulesOf(config: Pick<TrainConfig, 'codec'>): CodecRules {
  return RULES[codecName(config)];
}

/** Says which rule of the codec is broken first; `undefined` if all hold. */
export function codecProblem(config: TrainConfig): string | undefined {
  const codec = codecName(config);
  if (codec !== 'autoencoder' && config.autoencoder !== undefined) {
    return `codec ${codec} has no autoencoder, but its settings are there. Leave autoencoder out`;
  }
  return rulesOf(config).problem(config);
}

/**
 * The images of a run.
 *
 * @param op the operation that the error names
 * @throws ValueError if its samples are latents that cannot be shown
 */
export function imageShapeOfRun(op: string, config: TrainConfig): ImageShape {
  const shape = rulesOf(config).imageShape(config);
  if (shape !== undefined) return shape;
  throw new ValueError(op, `${notShown(config)}, which are no images. ${ASK_FOR_ARRAYS}`);
}

/** What to do with samples that cannot be shown. */
export const ASK_FOR_ARRAYS = 'Write them as arrays, to a .npy or .npz file.';

/** The beginning of a sentence about samples that cannot be shown. */
export function notShown({ model: { inChannels, inputSize } }: TrainConfig): string {
  return `the samples of this run are latents [${[inChannels, ...sidesOf(inputSize)].join(', ')}]`;
}

/** What a run lacks whose configuration has no `latentScale` yet, as the end of a sentence about it. */
export function notYetTrained({ autoencoder }: TrainConfig): string {
  return autoencoder === undefined
    ? 'has not begun to train its model'
    : 'has no trained autoencoder yet';
}
