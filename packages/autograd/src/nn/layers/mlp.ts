// The feed-forward part of a transformer block: linear, GELU, linear.

import { checkOptions, gelu, split, type Tensor } from '@tessera/tensor';
import type { Initializer } from './init.ts';
import { Linear } from './linear.ts';
import { Module } from '../module.ts';
import { checkSizes } from './sizes.ts';

/** Options of {@link Mlp}. */
export interface MlpOptions {
  readonly key: Tensor;
  /** The first weight of both layers. Default: the one of {@link Linear}. */
  readonly init?: Initializer;
}

/**
 * The feed-forward part of a transformer block: `fc2(gelu(fc1(x)))`, with GELU's tanh form.
 *
 * @example
 * new Mlp(4, 16, { key: key(0) }).forward(ones([2, 8, 4])).shape; // [2, 8, 4]
 */
export class Mlp extends Module {
  static override readonly name: string = 'Mlp';
  readonly fc1: Linear;
  readonly fc2: Linear;

  constructor(width: number, hidden: number, options: MlpOptions) {
    super();
    checkOptions('Mlp', options, ['key', 'init']);
    const { key, init } = options;
    checkSizes('Mlp', { width, hidden });
    const [key1, key2] = split(key);
    this.fc1 = new Linear(width, hidden, init === undefined ? { key: key1 } : { key: key1, init });
    this.fc2 = new Linear(hidden, width, init === undefined ? { key: key2 } : { key: key2, init });
  }

  /** `[..., D] → [..., D]` through `[..., F]` */
  forward(x: Tensor): Tensor {
    return this.fc2.forward(gelu(this.fc1.forward(x)));
  }
}
