// What a command says when it takes the shipped weights.

import { LABEL } from '../config/condition.ts';
import type { TrainConfig } from '../config/config.ts';

/** One sentence about the run that a command takes without `--run`. */
export function shippedNotice({ model }: TrainConfig): string {
  const { numClasses, conditions = [] } = model;
  const told = [...(numClasses > 0 ? [LABEL] : []), ...conditions.map(({ name }) => name)];
  return `Taking the shipped weights, which are told ${told.join(', ')}. --run names a run of yours.`;
}
