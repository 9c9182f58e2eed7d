// Sizes and costs of models: the published ones, those of the presets, and that of a run.

import { DESIGNS, PRESETS, type Design } from '../config/choices.ts';
import { IMAGE_SIZE } from '../config/autoencoder-config.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { presetConfig } from '../config/presets.ts';
import { macCount, parameterCount } from '../model/counts.ts';
import { patchGrid } from '../model/dit.ts';
import { zoo } from '../model/zoo.ts';

/** Side of the images of ImageNet that the published models draw: eight times that of their latents. */
const ZOO_IMAGE_SIZE = 256;

/** A model by name, and the side of the images that its latents stand for. */
export interface NamedModel {
  readonly name: string;
  /** In pixels; `null` for a run on given latents, which does not know their images. */
  readonly imageSize: number | null;
  readonly model: ModelConfig;
}

/** What one model costs. */
export interface Census {
  readonly name: string;
  readonly design: Design;
  /** Side of its square images in pixels; `null` if it is not known. */
  readonly imageSize: number | null;
  /** Patches of one image. */
  readonly tokens: number;
  /** Trained values. */
  readonly params: number;
  /** Multiply-adds of a forward pass for one image. */
  readonly macs: number;
}

/** The published models and those of the presets, in the default design. */
export const knownModels: readonly NamedModel[] = [
  ...Object.entries(zoo).map(([name, model]) => ({
    name,
    imageSize: ZOO_IMAGE_SIZE,
    model,
  })),
  ...PRESETS.map((name) => ({ name, imageSize: IMAGE_SIZE, model: presetConfig(name).model })),
];

/** Counts what a model costs, by its traced program. No weights are made. */
export function censusOf({ name, imageSize, model }: NamedModel): Census {
  const [rows, columns] = patchGrid(model);
  return {
    name,
    design: model.design,
    imageSize,
    tokens: rows * columns,
    params: parameterCount(model),
    macs: macCount(model),
  };
}

/** The census of each known model in each design. */
export function wholeCensus({
  designs = DESIGNS,
}: {
  readonly designs?: readonly Design[];
}): readonly Census[] {
  return knownModels.flatMap(({ model, ...rest }) =>
    designs.map((design) => censusOf({ ...rest, model: { ...model, design } })),
  );
}
