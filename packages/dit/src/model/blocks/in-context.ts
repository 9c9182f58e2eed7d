// The in-context block: timestep and label are two more tokens beside the patches.

import { Mlp, SelfAttention, type LayerNorm } from '@tessera/autograd/nn';
import { checkTensors, concat, ones, stack, zeros, type Tensor } from '@tessera/tensor';
import { attendTo } from './attend-to.ts';
import type { ContextTokens } from '../conditions/condition.ts';
import { splitInitialization, type Initialization } from '../initialization.ts';
import {
  Block,
  blockNorm,
  checkBlock,
  layerOptions,
  type BlockDesign,
  type BlockSizes,
} from './block.ts';

/** Tokens that stand before the patches: timestep, then label. */
const CONTEXT_TOKENS = 2;

/**
 * An ordinary pre-norm ViT block with learned layer norms. The condition is part of its tokens.
 *
 * Source: Peebles & Xie 2023, section 3.2, "In-context conditioning".
 *
 * @example
 * const block = new InContextBlock({ width: 8, heads: 2, hidden: 32 }, { key: key(0), start: officialStart });
 * block.forward(normal(key(1), [2, 2 + 4, 8])); // float32[2, 6, 8]
 */
export class InContextBlock extends Block {
  static override readonly name: string = 'InContextBlock';
  readonly norm1: LayerNorm;
  readonly attn: SelfAttention;
  readonly norm2: LayerNorm;
  readonly mlp: Mlp;
  /** `[D]`, what the tokens of conditions count, if there are any. It starts at zero. */
  readonly context_gate: Tensor | null;

  constructor(sizes: BlockSizes, initialization: Initialization) {
    super();
    checkBlock('InContextBlock', sizes, initialization);
    const { width, heads, hidden } = sizes;
    const [attn, mlp] = splitInitialization(initialization, 2);
    this.norm1 = blockNorm(width, true);
    this.attn = new SelfAttention(width, heads, layerOptions(attn));
    this.norm2 = blockNorm(width, true);
    this.mlp = new Mlp(width, hidden, layerOptions(mlp));
    this.context_gate = sizes.context === true ? zeros([width]) : null;
  }

  /** `[B, 2 + T, D] → [B, 2 + T, D]`, or `[B, 2 + T + S, D]` with a context of S tokens. */
  forward(tokens: Tensor, _condition?: Tensor, context: ContextTokens | null = null): Tensor {
    checkTensors('InContextBlock.forward', { tokens });
    const normed = this.norm1.forward(tokens);
    const attended =
      this.context_gate === null || context === null
        ? this.attn.forward(normed)
        : attendWithContext(this.attn, normed, context.mask, this.context_gate);
    const x = tokens.add(attended);
    return x.add(this.mlp.forward(this.norm2.forward(x)));
  }
}

/**
 * Self-attention of timestep, label and patches as without conditions, plus a gate times their attention to
 * the tokens of conditions. These attend to all tokens. All share the weights of `attn`.
 */
function attendWithContext(
  attn: SelfAttention,
  normed: Tensor,
  mask: Tensor,
  gate: Tensor,
): Tensor {
  const [batch, length] = mask.shape;
  const own = normed.shape[1] - length;
  const [base, context] = normed.split([own, length], 1);
  const visible = mask.unsqueeze(1).unsqueeze(1); // [B, 1, 1, S]
  const all = concat([ones([batch, 1, 1, own], 'bool'), visible], 3);
  const heard = attendTo(attn, base, context, visible).mul(gate);
  const toAll = attendTo(attn, context, normed, all);
  return concat([attn.forward(base).add(heard), toAll], 1);
}

/**
 * In-context conditioning: the embeddings of timestep and label are two more tokens in front of the
 * patches, `[e_t, e_y, patches]`. They have no position encoding, and are removed after the last block.
 * All linear layers start Xavier-uniform, as in a plain ViT. The tokens of other conditions stand behind the
 * patches. A gate in each block, which starts at zero, says what they count. Where the blocks of a flow map turn
 * to the end of a step, its embedding takes the place that the one of the beginning has in the sum of a token.
 *
 * Source of the gate: Zhang et al. 2023, "LLaMA-Adapter: efficient fine-tuning of language models with
 * zero-init attention", section 3.2.
 */
export const inContext: BlockDesign = {
  adaptiveFinalLayer: false,
  createBlock: (sizes, initialization) => new InContextBlock(sizes, initialization),
  condition: (timestep, label) => stack([timestep, label], 1), // [B, 2, D]
  enter: (tokens, condition, context = null) =>
    concat([condition, tokens, ...(context === null ? [] : [context.values])], 1), // [B, 2 + T + S, D]
  turn: (tokens, from, to) => {
    const rest = tokens.shape[1] - CONTEXT_TOKENS;
    return tokens.add(
      to.sub(from).pad([
        [0, 0],
        [0, rest],
        [0, 0],
      ]),
    );
  },
  leave: (tokens, context = null) =>
    tokens.slice([null, [CONTEXT_TOKENS, context === null ? null : -context.mask.shape[1]]]),
};
