// The adaptive part of layer norm: scale and shift that come from timestep and label.

import { Linear, Module, type Initializer } from '@tessera/autograd/nn';
import {
  checkOptions,
  checkTensors,
  formatShape,
  ShapeError,
  silu,
  type Tensor,
} from '@tessera/tensor';
import { checkWhole } from '../config/argument-check.ts';

/**
 * `x · (1 + scale) + shift`, with the same shift and scale for all tokens of an image.
 *
 * @param x `[B, T, D]`
 * @param shift `[B, D]`
 * @param scale `[B, D]`
 * @returns `[B, T, D]`
 * @throws ShapeError if a tensor has another shape.
 *
 * @example
 * modulate(ones([1, 1, 2]), tensor([[10, 0]]), tensor([[0, 1]])); // [[[11, 2]]]
 */
export function modulate(x: Tensor, shift: Tensor, scale: Tensor): Tensor {
  checkTensors('modulate', { x, shift, scale });
  const [batch, , width] = x.shape;
  const fits = ({ shape }: Tensor): boolean => formatShape(shape) === `[${batch}, ${width}]`;
  if (x.rank !== 3 || !fits(shift) || !fits(scale)) {
    throw new ShapeError(
      'modulate',
      `x is ${formatShape(x.shape)}, shift is ${formatShape(shift.shape)}, scale is ${formatShape(scale.shape)}: ` +
        '[B, T, D], [B, D] and [B, D] expected.',
      [x.shape, shift.shape, scale.shape],
    );
  }
  return x.mul(scale.add(1).unsqueeze(1)).add(shift.unsqueeze(1));
}

/** Options of {@link Modulation}. */
export interface ModulationOptions {
  readonly key: Tensor;
  readonly init: Initializer;
}

/**
 * Computes `count` vectors of width D from the conditioning vector c: `Linear(SiLU(c))`, one behind the
 * other. The linear layer is field 1, because it stands after SiLU in the official checkpoints.
 *
 * Source: Peebles & Xie 2023, section 3.2, "Adaptive layer norm (adaLN) block".
 *
 * @example
 * const modulation = new Modulation(8, 6, { key: key(0), init: init.zeros() });
 * const [shift, scale, gate] = modulation.forward(ones([2, 8])).chunk(6, -1);
 * gate; // float32[2, 8]
 */
export class Modulation extends Module {
  static override readonly name: string = 'Modulation';
  readonly 1: Linear;

  constructor(width: number, count: number, options: ModulationOptions) {
    super();
    checkOptions('Modulation', options, ['key', 'init']);
    const { key, init } = options;
    checkWhole('Modulation', 'width', width, 1);
    checkWhole('Modulation', 'count', count, 1);
    this[1] = new Linear(width, count * width, { key, init });
  }

  /** `[B, D] → [B, count · D]` */
  forward(condition: Tensor): Tensor {
    return this[1].forward(silu(condition));
  }
}
