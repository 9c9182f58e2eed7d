// Checks the labels that samples are asked for.

import { checkList, kindOf, ValueError } from '@tessera/tensor';
import type { TrainConfig } from '../config/config.ts';

/** Throws a ValueError unless `labels` has at least one label, and the model knows all of them. */
export function checkLabels(op: string, labels: readonly number[], { model }: TrainConfig): void {
  // A model without classes has the null class alone, number 0.
  const classes = Math.max(1, model.numClasses);
  const known = (label: number): boolean =>
    Number.isInteger(label) && label >= 0 && label < classes;
  checkList(op, 'labels', labels, '[3, 1, 4]');
  if (labels.length > 0 && labels.every(known)) return;
  throw new ValueError(
    op,
    `labels must be some of the classes 0 to ${classes - 1}, got [${labels.map((label) => (typeof label === 'number' ? label : kindOf(label))).join(', ')}].`,
  );
}
