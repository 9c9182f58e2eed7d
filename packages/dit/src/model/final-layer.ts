// The last layer of a DiT: from tokens back to the pixels of their patches.

import { init, Linear, Module, type LayerNorm } from '@tessera/autograd/nn';
import { checkOptions, checkTensors, type Tensor } from '@tessera/tensor';
import { checkWhole } from '../config/argument-check.ts';
import { blockNorm } from './blocks/block.ts';
import { checkInitialization, splitInitialization, type Initialization } from './initialization.ts';
import { modulate, Modulation } from './modulate.ts';

/** Options of {@link FinalLayer}. */
export interface FinalLayerOptions extends Initialization {
  /** Whether the condition gives shift and scale of the norm. Otherwise they are learned. */
  readonly adaptive: boolean;
}

/**
 * A layer norm and a linear decoder, from tokens to the pixels of their patches. Decoder and modulation
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

  constructor(width: number, features: number, options: FinalLayerOptions) {
    super();
    checkOptions('FinalLayer', options, ['adaptive', 'key', 'start']);
    const { adaptive, ...initialization } = options;
    checkWhole('FinalLayer', 'width', width, 1);
    checkWhole('FinalLayer', 'features', features, 1);
    checkInitialization('FinalLayer', initialization);
    const [linear, modulation] = splitInitialization(initialization, 2);
    this.norm_final = blockNorm(width, !adaptive);
    this.linear = new Linear(width, features, { key: linear.key, init: init.zeros() });
    this.adaLN_modulation = adaptive
      ? new Modulation(width, 2, { key: modulation.key, init: init.zeros() })
      : null;
  }

  /** Tokens `[B, T, D]` to `[B, T, P · P · Cout]`. The condition is `[B, D]` if the layer is adaptive. */
  forward(tokens: Tensor, condition: Tensor): Tensor {
    checkTensors('FinalLayer.forward', {
      tokens,
      ...(this.adaLN_modulation !== null && { condition }),
    });
    const x = this.norm_final.forward(tokens);
    if (this.adaLN_modulation === null) return this.linear.forward(x);
    const [shift, scale] = this.adaLN_modulation.forward(condition).chunk(2, -1); // [B, D] each
    return this.linear.forward(modulate(x, shift, scale));
  }
}
