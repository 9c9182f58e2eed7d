// What a page needs to know of a run: classes, conditions, sizes and its ways of sampling.

import {
  parameterCount,
  samplersOf,
  type ConditionConfig,
  type Sampler,
  type TrainedRun,
} from '@tessera/dit';

/** A trained run, described in plain values. */
export interface RunFacts {
  /** Names of the classes; empty if the model knows none. */
  readonly classes: readonly string[];
  /** The words that the model reads as one token each; `null` if it reads no text. */
  readonly words: readonly string[] | null;
  /** Maps over the image that the model takes. */
  readonly maps: readonly { readonly name: string; readonly size: number }[];
  /** Numbers that the model takes, with the range that it tells apart. */
  readonly numbers: readonly { readonly name: string; readonly range: readonly [number, number] }[];
  /** Side of the square images in pixels. */
  readonly size: number;
  readonly channels: number;
  readonly samplers: readonly Sampler[];
  readonly sampler: Sampler;
  readonly guidance: number;
  /** Whether guidance can be chosen: a flow map has its own from training. */
  readonly isGuided: boolean;
  readonly parameters: number;
  readonly design: string;
  readonly depth: number;
  readonly width: number;
}

/** Describes a run. */
export function factsOf(run: TrainedRun): RunFacts {
  const { model, diffusion, sampling } = run.config;
  const conditions = model.conditions ?? [];
  const { size, channels } = run.imageShape;
  const text = conditions.find(({ kind }) => kind === 'text');
  return {
    classes: Array.from({ length: model.numClasses }, (_, label) => run.nameOf(label)),
    words: text?.kind === 'text' ? (text.words ?? []) : null,
    maps: conditions.flatMap(mapOf),
    numbers: conditions.flatMap((each) =>
      each.kind === 'scalar' ? [{ name: each.name, range: each.range }] : [],
    ),
    size,
    channels,
    samplers: samplersOf(diffusion.objective),
    sampler: sampling.sampler,
    guidance: sampling.guidance,
    isGuided:
      diffusion.objective !== 'mean-flow' && (model.numClasses > 0 || conditions.length > 0),
    parameters: parameterCount(model),
    design: model.design,
    depth: model.depth,
    width: model.hiddenSize,
  };
}

/** Square maps of one channel, which a pad can give. */
function mapOf(condition: ConditionConfig): { name: string; size: number }[] {
  const isMap = condition.kind === 'map' || condition.kind === 'control';
  if (!isMap || typeof condition.size !== 'number' || condition.channels !== 1) return [];
  return [{ name: condition.name, size: condition.size }];
}
