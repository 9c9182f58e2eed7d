// The adaptive part of layer norm: scale and shift that come from timestep and label.

import { Linear, Module, type Initializer } from '@tessera/autograd/nn';
import { formatShape, ShapeError, silu, type Tensor } from '@tessera/tensor';

/**
 * `x · (1 + scale) + shift`, the same for all tokens: x `[B, T, D]`, shift and scale `[B, D]` to
 * `[B, T, D]`.
 *
 * @example
 * modulate(ones([1, 1, 2]), tensor([[10, 0]]), tensor([[0, 1]])); // [[[11, 2]]]
 */
export function modulate(x: Tensor, shift: Tensor, scale: Tensor): Tensor {
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

/** What {@link Modulation} is made from. */
export interface ModulationOptions {
  readonly key: Tensor;
  readonly init: Initializer;
}

/**
 * Regresses `count` vectors of width D from the conditioning vector: `Linear(SiLU(c))`, cut in
 * `count` pieces. The linear layer is field 1, its place after SiLU in the official checkpoints.
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

  constructor(width: number, count: number, { key, init }: ModulationOptions) {
    super();
    this[1] = new Linear(width, count * width, { key, init });
  }

  /** `[B, D] → [B, count · D]` */
  forward(condition: Tensor): Tensor {
    return this[1].forward(silu(condition));
  }
}
