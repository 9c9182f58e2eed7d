// Embedding: a table of learned vectors, looked up by id.

import { checkOptions, embedding, type Tensor } from '@tessera/tensor';
import { init, type Initializer } from './init.ts';
import { Module } from '../module.ts';
import { checkSizes } from './sizes.ts';

/** Options of {@link Embedding}. */
export interface EmbeddingOptions {
  readonly key: Tensor;
  /** The first table. Default `normal(1)`, PyTorch's. */
  readonly init?: Initializer;
}

/**
 * A table of `count` learned vectors, looked up by id.
 *
 * @example
 * const table = new Embedding(10, 4, { key: key(0) });
 * table.forward(tensor([3, 7], { dtype: 'int32' })).shape; // [2, 4]
 */
export class Embedding extends Module {
  static override readonly name: string = 'Embedding';
  /** `[count, width]` */
  readonly weight: Tensor;

  constructor(count: number, width: number, options: EmbeddingOptions) {
    super();
    checkSizes('Embedding', { count, width });
    checkOptions('Embedding', options, ['key', 'init']);
    this.weight = (options.init ?? init.normal(1))(options.key, [count, width]);
  }

  /** int32 `[...] → [..., width]` */
  forward(ids: Tensor): Tensor {
    return embedding(this.weight, ids);
  }
}
