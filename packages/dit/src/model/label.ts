// Class labels as vectors, and the null class of classifier-free guidance.

import { Embedding, Module } from '@tessera/autograd/nn';
import {
  bernoulli,
  checkOptions,
  checkTensors,
  kindOf,
  StateError,
  ValueError,
  where,
  type Tensor,
} from '@tessera/tensor';
import { checkWhole } from '../config/argument-check.ts';
import { checkInitialization, type Initialization } from './initialization.ts';

/** Sizes of {@link LabelEmbedder}. */
export interface LabelEmbedderOptions extends Initialization {
  /** Probability that {@link LabelEmbedder.dropLabels} replaces a label. With 0 there is no null class. */
  readonly dropoutProb: number;
}

/**
 * A table with one row for each class. If labels are ever dropped it has one more row, for the null
 * class, which is number K. Dropping is a step of its own, so the model itself is a plain function. A table
 * of 0 classes has the null class alone, for a model without labels.
 *
 * Source: Ho & Salimans 2022, "Classifier-free diffusion guidance", section 3.1.
 *
 * @example
 * const embedder = new LabelEmbedder(10, 8, { dropoutProb: 0.1, key: key(0), start: officialStart });
 * embedder.nullClass; // 10
 * embedder.forward(tensor([7, 10], { dtype: 'int32' })); // float32[2, 8]
 */
export class LabelEmbedder extends Module {
  static override readonly name: string = 'LabelEmbedder';
  readonly embedding_table: Embedding;
  readonly numClasses: number;
  readonly dropoutProb: number;

  constructor(numClasses: number, width: number, options: LabelEmbedderOptions) {
    super();
    checkOptions('LabelEmbedder', options, ['dropoutProb', 'key', 'start']);
    const { dropoutProb, key, start } = options;
    checkWhole('LabelEmbedder', 'numClasses', numClasses, 0);
    checkInitialization('LabelEmbedder', { key, start });
    if (!(typeof dropoutProb === 'number' && dropoutProb >= 0 && dropoutProb <= 1)) {
      const found = kindOf(dropoutProb);
      throw new ValueError('LabelEmbedder', `dropoutProb must lie in [0, 1], but is ${found}.`);
    }
    const rows = numClasses + (dropoutProb > 0 || numClasses === 0 ? 1 : 0);
    this.embedding_table = new Embedding(rows, width, { key, init: start.embedding });
    this.numClasses = numClasses;
    this.dropoutProb = dropoutProb;
  }

  /** The number of the null class. Throws a StateError if the model has none. */
  get nullClass(): number {
    if (this.dropoutProb > 0 || this.numClasses === 0) return this.numClasses;
    throw new StateError(
      'LabelEmbedder',
      'a model with label dropout 0 has no null class. Train with classDropoutProb above 0 to use guidance.',
    );
  }

  /** int32 `[B] → [B, D]`. Labels run from 0 to K − 1; K is the null class. */
  forward(labels: Tensor): Tensor {
    return this.embedding_table.forward(labels);
  }

  /** Replaces each label by the null class with probability `dropoutProb`: int32 `[B]` to int32 `[B]`. */
  dropLabels(labels: Tensor, key: Tensor): Tensor {
    checkTensors('LabelEmbedder.dropLabels', { labels });
    return this.dropoutProb > 0
      ? this.dropWhere(labels, bernoulli(key, this.dropoutProb, labels.shape))
      : labels;
  }

  /** Replaces the labels by the null class where `mask` (bool `[B]`) is true. */
  dropWhere(labels: Tensor, mask: Tensor): Tensor {
    return where(mask, this.nullClass, labels);
  }
}
