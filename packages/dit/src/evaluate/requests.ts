// What the samples of an evaluation are asked to be.

import { LABEL } from '../config/condition.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { conditionTable } from '../data/condition-values.ts';
import type { AnnotatedImages } from '../data/data-set.ts';
import type { ConditionArrays } from '../sample/conditioning.ts';
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
