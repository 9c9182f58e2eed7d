// A further class label as a condition: a table of vectors that start at zero.

import { Embedding, init } from '@tessera/autograd/nn';
import type { Tensor } from '@tessera/tensor';
import type { LabelConditionConfig } from '../../config/condition.ts';
import type { Initialization } from '../initialization.ts';
import { Condition, type Contribution, type ValueKind } from './condition.ts';

/**
 * A class label beside the one of `numClasses`: int32 `[B]`. Its vector is added to the conditioning vector.
 * All vectors start at zero, so the model is at first deaf to it. The null is the class K.
 */
export class LabelCondition extends Condition {
  static override readonly name: string = 'LabelCondition';
  readonly embedding_table: Embedding;
  readonly values: ValueKind;

  constructor(config: LabelConditionConfig, width: number, { key }: Initialization) {
    super();
    const { classes, dropoutProb } = config;
    this.embedding_table = new Embedding(classes + 1, width, { key, init: init.zeros() });
    this.values = { shape: [], dtype: 'int32', nullElement: classes, dropoutProb };
  }

  /** int32 `[B]` */
  forward(labels: Tensor): Contribution {
    return { vector: this.embedding_table.forward(labels) };
  }
}
