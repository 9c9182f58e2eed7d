// The gated feed-forward part of a modern block: SwiGLU.

import { Linear, Module } from '@tessera/autograd/nn';
import { silu, split, type Tensor } from '@tessera/tensor';
import type { Initialization } from '../initialization.ts';

/** Widths inside are multiples of this, so that rows fill vectors of a processor. */
const UNIT = 8;

/**
 * `w3(SiLU(w1 x) · w2 x)` with w1 and w2 in one layer, `w12`. Three matrices of two thirds of the width have
 * as many weights as the two of an ordinary MLP.
 *
 * Source: Shazeer 2020, "GLU variants improve Transformer", equation 6 and section 2.
 *
 * @param hidden F, the width inside of the MLP that this one stands for.
 */
export class SwiGlu extends Module {
  static override readonly name: string = 'SwiGlu';
  readonly w12: Linear;
  readonly w3: Linear;

  constructor(width: number, hidden: number, { key, start }: Initialization) {
    super();
    const [key12, key3] = split(key);
    const inner = Math.ceil((2 * hidden) / 3 / UNIT) * UNIT;
    this.w12 = new Linear(width, 2 * inner, { key: key12, init: start.linear });
    this.w3 = new Linear(inner, width, { key: key3, init: start.linear });
  }

  /** `[B, T, D] → [B, T, D]` */
  forward(x: Tensor): Tensor {
    const [gate, value] = this.w12.forward(x).chunk(2, -1); // [B, T, 2F/3] each
    return this.w3.forward(silu(gate).mul(value));
  }
}
