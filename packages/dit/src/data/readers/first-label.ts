// Labels that count from 1, as those of EMNIST letters do, and names for them.

import type { DataSet, Labels } from '../data-set.ts';
import { lastLabel } from '../data-set.ts';

/** Whether labels go from 1 to their last one, with images of each. */
function startAtOne(labels: Labels): boolean {
  const present = new Set(labels);
  return present.size > 1 && !present.has(0) && present.size === lastLabel(labels);
}

/**
 * A data set whose labels count from 0. If there are training images of each class from 1 to K and none of class 0,
 * one is taken from each label, in place. The classes keep their old numbers as names, unless they have names.
 */
export function fromZero<T extends DataSet>(set: T): T {
  const { train, test, classNames, notes } = set;
  if (train.labels === undefined || !startAtOne(train.labels)) return set;
  const last = lastLabel(train.labels);
  if (lastLabel(test.labels) > last || test.labels?.includes(0) === true) return set;
  if (classNames !== undefined && classNames.length !== last) return set;
  // Both halves may be the same images.
  const all = new Set([train.labels, ...(test.labels === undefined ? [] : [test.labels])]);
  for (const labels of all) for (let i = 0; i < labels.length; i++) labels[i]--;
  const numbers = Array.from({ length: last }, (_, i) => String(i + 1));
  return {
    ...set,
    classNames: classNames ?? numbers,
    notes: [...notes, `Labels count from 1: 1 to ${last} become 0 to ${last - 1}.`],
  };
}
