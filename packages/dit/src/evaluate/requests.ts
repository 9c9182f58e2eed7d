// What the samples of an evaluation are asked to be.

import { LABEL } from '../config/condition.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { conditionTable } from '../data/condition-values.ts';
import type { AnnotatedImages } from '../data/data-set.ts';
import type { ConditionArrays } from '../sample/conditioning.ts';
import type { SampleProgress } from '../sample/options.ts';
import type { SampleSet, SampleSets } from '../sample/output/drawn-parts.ts';
import type { TrainedRun } from '../sample/trained-run.ts';
import type { EvaluateOptions } from './evaluate-run.ts';
import { labelsOf } from './reference.ts';

/** What the samples of a set are asked for. */
export interface Asked {
  /** Labels as the model takes them. */
  readonly labels: number[];
  readonly options: { readonly openLabel?: boolean; readonly conditions?: ConditionArrays };
  /** The class that each sample should be read as; absent where nothing says it. */
  readonly classes?: ArrayLike<number>;
}

/** The names of all that a model can be told. */
export function namesTold({ numClasses, conditions = [] }: ModelConfig): readonly string[] {
  return [...(numClasses > 0 ? [LABEL] : []), ...conditions.map(({ name }) => name)];
}

/**
 * Every class in turn, if samples are told no more than that; else what the first test images show.
 *
 * @param told Conditions of the model; the others are left open. Default: all.
 */
export function askedOf(
  model: ModelConfig,
  test: AnnotatedImages,
  samples: number,
  told: readonly string[] = namesTold(model),
): Asked {
  const { numClasses, conditions = [] } = model;
  const isLabelled = told.includes(LABEL);
  const further = conditions.filter(({ name }) => told.includes(name));
  const openLabel = numClasses > 0 && !isLabelled;
  const count = further.length > 0 ? Math.min(samples, test.count) : samples;
  const indices = Int32Array.from({ length: count }, (_, i) => i);
  if (further.length === 0) {
    const labels = Array.from(indices, (i) => (isLabelled ? i % numClasses : 0));
    return {
      labels,
      options: { ...(openLabel && { openLabel }) },
      ...(isLabelled && { classes: labels }),
    };
  }
  const classes = labelsOf(test).subarray(0, count);
  const labels = Array.from(classes, (label) => (numClasses > 0 ? label : 0));
  const arrays = conditionTable({ ...model, conditions: further }, test).arrays(indices);
  return { labels, options: { ...(openLabel && { openLabel }), conditions: arrays }, classes };
}

/** The sets of an evaluation, and the class that each sample should be read as. */
export interface AskedSets extends SampleSets {
  readonly classes?: ArrayLike<number>;
}

/** The name of the set of a guidance scale and a seed. */
export function setName(guidance: number, seed: number): string {
  return `guidance ${guidance}, seed ${seed}`;
}

/** The sets that an evaluation draws: one for each guidance scale and seed. */
export function setsOf(
  run: TrainedRun,
  test: AnnotatedImages,
  { samples, guidance, seeds, told, onProgress }: EvaluateOptions,
): AskedSets {
  const { labels, options, classes } = askedOf(run.config.model, test, samples, told);
  const sets = new Map<string, SampleSet>();
  for (const scale of guidance) {
    for (let seed = 0; seed < seeds; seed++) {
      const before = sets.size;
      const follow = ({ step, totalSteps }: SampleProgress): void =>
        onProgress?.({
          step: before * totalSteps + step,
          totalSteps: totalSteps * seeds * guidance.length,
        });
      sets.set(setName(scale, seed), {
        labels,
        options: { ...options, guidance: scale, seed, onProgress: follow },
      });
    }
  }
  return {
    op: 'evaluateRun',
    run,
    what: 'images',
    sets,
    ...(classes !== undefined && { classes }),
  };
}
