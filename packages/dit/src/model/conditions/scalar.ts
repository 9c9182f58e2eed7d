// A number as a condition: embedded as a timestep is.

import { init, Linear } from '@tessera/autograd/nn';
import { silu, zeros, type Tensor } from '@tessera/tensor';
import type { ScalarConditionConfig } from '../../config/condition.ts';
import { splitInitialization, type Initialization } from '../initialization.ts';
import { FREQUENCY_WIDTH, timestepEmbedding } from '../timestep.ts';
import { Condition, type Contribution, type ValueKind } from './condition.ts';

/** Stands for an unknown number. It is finite, since not every backend can tell NaN from numbers. */
const NO_SCALAR = -1e30;

/** The two ends of a range become the positions 0 and 1000, as far apart as timesteps are. */
const POSITIONS = 1000;

/**
 * A number, such as the width of a stroke: float32 `[B]`. Its range is stretched to 0 … 1000 and embedded as
 * a timestep is: sines and cosines, then an MLP of two layers. The second layer starts at zero, so the model is
 * at first deaf to it. The null is −10³⁰, in whose place a learned vector stands.
 */
export class ScalarCondition extends Condition {
  static override readonly name: string = 'ScalarCondition';
  readonly mlp: readonly [Linear, typeof silu, Linear];
  /** `[D]` */
  readonly null_vector: Tensor;
  readonly values: ValueKind;
  readonly range: readonly [number, number];

  constructor(config: ScalarConditionConfig, width: number, initialization: Initialization) {
    super();
    const [first, second] = splitInitialization(initialization, 2);
    this.mlp = [
      new Linear(FREQUENCY_WIDTH, width, { key: first.key, init: first.start.embedding }),
      silu,
      new Linear(width, width, { key: second.key, init: init.zeros() }),
    ];
    this.null_vector = zeros([width]);
    const { dropoutProb, range } = config;
    this.values = { shape: [], dtype: 'float32', nullElement: NO_SCALAR, dropoutProb };
    this.range = range;
  }

  /** float32 `[B]` */
  forward(numbers: Tensor): Contribution {
    const [low, high] = this.range;
    const [first, activation, second] = this.mlp;
    const known = numbers.greater(NO_SCALAR / 2).unsqueeze(1); // [B, 1]
    const position = numbers
      .maximum(low)
      .minimum(high)
      .sub(low)
      .mul(POSITIONS / (high - low));
    const vector = second.forward(activation(first.forward(timestepEmbedding(position))));
    return { vector: known.where(vector, this.null_vector) }; // [B, D]
  }
}
