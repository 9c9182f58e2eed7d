// The last layer of a DiT: from tokens back to the pixels of their patches.

import { init, Linear, Module, type LayerNorm } from '@tessera/autograd/nn';
import type { Tensor } from '@tessera/tensor';
import { blockNorm } from './blocks/block.ts';
import { splitInitialization, type Initialization } from './initialization.ts';
import { modulate, Modulation } from './modulate.ts';

/** Options of {@link FinalLayer}. */
export interface FinalLayerOptions extends Initialization {
  /** Whether the condition gives shift and scale of the norm; otherwise they are learned. */
  readonly adaptive: boolean;
}

/**
 * Layer norm and linear decoder, from tokens to the pixels of their patches. Decoder and modulation
 * start at zero, so a new model predicts 0 everywhere.
 *
 * Source: Peebles & Xie 2023, section 3.2, "Transformer decoder": the norm is "adaptive if using adaLN".
 *
 * @example
 * const layer = new FinalLayer(8, 16, { adaptive: true, key: key(0), start: officialStart });
 * layer.forward(normal(key(1), [2, 4, 8]), ones([2, 8])).abs().max(); // 0: the decoder starts at zero
 */
export class FinalLayer extends Module {
  static override readonly name: string = 'FinalLayer';
  readonly norm_final: LayerNorm;
  readonly linear: Linear;
  readonly adaLN_modulation: Modulation | null;

  constructor(width: number, features: number, { adaptive, ...initialization }: FinalLayerOptions) {
    super();
    const [linear, modulation] = splitInitialization(initialization, 2);
    this.norm_final = blockNorm(width, !adaptive);
    this.linear = new Linear(width, features, { key: linear.key, init: init.zeros() });
    this.adaLN_modulation = adaptive
      ? new Modulation(width, 2, { key: modulation.key, init: init.zeros() })
      : null;
  }

  /** Tokens `[B, T, D]` and condition (`[B, D]` where the layer is adaptive) to `[B, T, P · P · Cout]` */
  forward(tokens: Tensor, condition: Tensor): Tensor {
    const x = this.norm_final.forward(tokens);
    if (this.adaLN_modulation === null) return this.linear.forward(x);
    const [shift, scale] = this.adaLN_modulation.forward(condition).chunk(2, -1); // [B, D] each
    return this.linear.forward(modulate(x, shift, scale));
  }
}
