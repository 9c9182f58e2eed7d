// What the samples of an evaluation are asked to be.

import type { ModelConfig } from '../config/model-config.ts';
import { conditionTable } from '../data/condition-values.ts';
import type { AnnotatedImages } from '../data/data-set.ts';
import type { ConditionArrays } from '../sample/conditioning.ts';
import { labelsOf } from './reference.ts';

/** What the samples of a set are asked for. */
export interface Asked {
  /** Labels as the model takes them. */
  readonly labels: number[];
  readonly options: { readonly conditions?: ConditionArrays };
  /** The class that each sample should be read as; absent where nothing says it. */
  readonly classes?: ArrayLike<number>;
}

/** Every class in turn; for a model with further conditions what the first test images show. */
export function askedOf(model: ModelConfig, test: AnnotatedImages, samples: number): Asked {
  const { numClasses, conditions = [] } = model;
  const count = conditions.length > 0 ? Math.min(samples, test.count) : samples;
  const indices = Int32Array.from({ length: count }, (_, i) => i);
  if (conditions.length === 0) {
    const labels = Array.from(indices, (i) => i % Math.max(1, numClasses));
    return { labels, options: {}, ...(numClasses > 0 && { classes: labels }) };
  }
  const classes = labelsOf(test).subarray(0, count);
  const labels = Array.from(classes, (label) => (numClasses > 0 ? label : 0));
  const arrays = conditionTable(model, test).arrays(indices);
  return { labels, options: { conditions: arrays }, classes };
}
