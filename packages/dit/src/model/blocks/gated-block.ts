// The forward pass of the blocks with gates: adaLN-Zero, and the modern block.

import { init } from '@tessera/autograd/nn';
import { checkTensors, type Tensor } from '@tessera/tensor';
import type { ContextTokens } from '../conditions/condition.ts';
import type { Initialization } from '../initialization.ts';
import { modulate, Modulation } from '../modulate.ts';
import { Block } from './block.ts';
import { hearContext, type ContextAttention } from './context-attention.ts';

/** Shift, scale and gate of attention, then of the MLP. */
const VECTORS = 6;

/** What the condition gives to a branch of a block, `[B, D]` each. */
export interface GatedVectors {
  readonly shift: Tensor;
  readonly scale: Tensor;
  /** What the branch counts, feature by feature. */
  readonly gate: Tensor;
}

/** A part of a block that keeps the shape of tokens `[B, T, D]`. */
interface TokenLayer {
  forward(tokens: Tensor): Tensor;
}

/**
 * A block whose condition gives shift, scale and gate to attention and MLP. Which norms, attention and MLP they are
 * is up to the design.
 *
 * Source: Peebles & Xie 2023, section 3.2, "adaLN-Zero block".
 */
export abstract class GatedBlock extends Block {
  abstract readonly norm1: TokenLayer;
  abstract readonly attn: TokenLayer;
  abstract readonly norm2: TokenLayer;
  abstract readonly mlp: TokenLayer;
  abstract readonly adaLN_modulation: Modulation;
  /** Attention to the tokens of conditions, if there are any. */
  abstract readonly context: ContextAttention | null;

  /** `[B, T, D]` and condition `[B, D]` to `[B, T, D]` */
  forward(tokens: Tensor, condition: Tensor, context: ContextTokens | null = null): Tensor {
    checkTensors(`${this.constructor.name}.forward`, { tokens, condition });
    const { attn, mlp } = this.modulations(condition);
    const attended = this.attn.forward(
      modulate(this.norm1.forward(tokens), attn.shift, attn.scale),
    );
    const alone = tokens.add(attn.gate.unsqueeze(1).mul(attended));
    const x = hearContext(this.context, alone, context);
    const fed = this.mlp.forward(modulate(this.norm2.forward(x), mlp.shift, mlp.scale));
    return x.add(mlp.gate.unsqueeze(1).mul(fed));
  }

  /** What a condition `[B, D]` tells attention and MLP. */
  modulations(condition: Tensor): { readonly attn: GatedVectors; readonly mlp: GatedVectors } {
    const vectors = this.adaLN_modulation.forward(condition).chunk(VECTORS, -1);
    const [shiftAttn, scaleAttn, gateAttn, shiftMlp, scaleMlp, gateMlp] = vectors; // [B, D] each
    return {
      attn: { shift: shiftAttn, scale: scaleAttn, gate: gateAttn },
      mlp: { shift: shiftMlp, scale: scaleMlp, gate: gateMlp },
    };
  }
}

/** The modulation of a block with gates. It starts at zero, so a new block is the identity. */
export function gatesAtZero(width: number, { key }: Initialization): Modulation {
  return new Modulation(width, VECTORS, { key, init: init.zeros() });
}
