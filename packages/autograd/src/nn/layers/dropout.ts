// Dropout, which draws from the key that it gets and is the identity without one.

import { checkTensors, kindOf, bernoulli, ValueError, type Tensor } from '@tessera/tensor';
import { Module, type Trained } from '../module.ts';

/**
 * Sets each element to 0 with probability p and multiplies the others by `1 / (1 − p)`, so that the expected
 * value stays the same. It draws from the key that it gets. Without a key it is the identity, for evaluation.
 *
 * Source: Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from
 * overfitting", section 4, with the factor moved to training.
 *
 * @throws ValueError unless `0 ≤ p < 1`.
 * @example
 * const dropout = new Dropout(0.5);
 * dropout.forward(ones([4])); // [1, 1, 1, 1]
 * dropout.forward(ones([4]), key(7)); // each 0 or 2
 */
export class Dropout extends Module {
  static override readonly name: string = 'Dropout';
  /** The probability that an element becomes 0. */
  readonly p: number;

  constructor(p: number) {
    super();
    if (!(p >= 0 && p < 1))
      throw new ValueError('Dropout', `p must lie in [0, 1), but is ${kindOf(p)}.`);
    this.p = p;
  }

  /** Maps any shape to itself; the identity without a key. */
  forward(x: Tensor, key?: Tensor): Tensor {
    checkTensors('Dropout', { x });
    if (key === undefined || this.p === 0) return x;
    const keep = 1 - this.p;
    return bernoulli(key, keep, x.shape).where(x.mul(1 / keep), 0);
  }

  /**
   * Like {@link forward}, but requires a key.
   *
   * @throws ValueError without a key.
   */
  train(x: Tensor, key?: Tensor): Trained<Dropout> {
    if (key === undefined) {
      throw new ValueError(
        'Dropout',
        'training draws random numbers, but got no key. Pass one to train.',
      );
    }
    return { output: this.forward(x, key), module: this };
  }
}
