// What the pictures of a training show: a row for each class, asked for as an image of the test set is.

import type { TrainConfig } from '../config/config.ts';
import { captionAt, conditionTable } from '../data/condition-values.ts';
import type { DataHalf } from '../data/data-set.ts';
import type { GenerateOptions } from '../sample/generate-options.ts';
import { gridIndices } from '../sample/sample-grid.ts';

/** Most rows of a grid of samples. If there are more classes, it shows the first. */
const MOST_ROWS = 26;

/** The rows of a grid of samples. */
export interface Preview extends Pick<GenerateOptions, 'labels' | 'conditions'> {
  readonly rowLabels: readonly string[];
}

/**
 * A row for each class. Where the model hears more than labels, the conditions of a row are those of the first
 * test image of its class.
 */
export function previewOf(
  { model, classNames }: TrainConfig,
  classes: readonly number[],
  test: DataHalf,
): Preview {
  const shown = classes.slice(0, MOST_ROWS);
  const named = shown.map((label) => classNames?.[label] ?? String(label));
  const { numClasses, conditions = [] } = model;
  if (numClasses === 0 && conditions.length === 0) {
    return { labels: gridIndices([0]), rowLabels: ['images'] };
  }
  const labels = gridIndices(numClasses === 0 ? shown.map(() => 0) : shown);
  if (conditions.length === 0) return { labels, rowLabels: named };
  const images = shown.map((label) => Math.max(0, test.labels?.indexOf(label) ?? 0));
  const text = conditions.find(({ kind }) => kind === 'text');
  return {
    labels,
    conditions: conditionTable(model, test).arrays(Int32Array.from(gridIndices(images))),
    rowLabels: text === undefined ? named : images.map((image) => captionAt(test, image)),
  };
}
