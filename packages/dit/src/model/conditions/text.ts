// Text as a condition: a small transformer encoder over bytes, trained along with the model.

import {
  Embedding,
  init,
  LayerNorm,
  Linear,
  Mlp,
  Module,
  SelfAttention,
} from '@tessera/autograd/nn';
import { arange, checkList, kindOf, ValueError, type Tensor } from '@tessera/tensor';
import { checkWhole } from '../../config/argument-check.ts';
import type { TextConditionConfig } from '../../config/condition.ts';
import { splitInitialization, type Initialization } from '../initialization.ts';
import { Condition, type Contribution, type ValueKind } from './condition.ts';

/** The token behind the last byte of a text. Alone at the start it is the empty text, the null. */
const PADDING = 256;

/** Bytes and padding. */
const TOKENS = PADDING + 1;

/** The MLP of a block is this many times as wide as its tokens. */
const MLP_RATIO = 4;

/** A pre-norm block of the encoder. */
class TextBlock extends Module {
  static override readonly name: string = 'TextBlock';
  readonly norm1: LayerNorm;
  readonly attn: SelfAttention;
  readonly norm2: LayerNorm;
  readonly mlp: Mlp;

  constructor(width: number, heads: number, initialization: Initialization) {
    super();
    const [attn, mlp] = splitInitialization(initialization, 2);
    this.norm1 = new LayerNorm(width);
    this.attn = new SelfAttention(width, heads, { key: attn.key, init: attn.start.linear });
    this.norm2 = new LayerNorm(width);
    this.mlp = new Mlp(width, MLP_RATIO * width, { key: mlp.key, init: mlp.start.linear });
  }

  /** `[B, S, W] → [B, S, W]`. The mask, bool `[B, 1, 1, S]`, hides padding. */
  forward(tokens: Tensor, mask: Tensor): Tensor {
    const x = tokens.add(this.attn.forward(this.norm1.forward(tokens), { mask }));
    return x.add(this.mlp.forward(this.norm2.forward(x)));
  }
}

/**
 * A text of at most S bytes: int32 `[B, S]`, as {@link encodeText} gives them. Its mean token is added to the
 * conditioning vector by a layer that starts at zero. All its tokens are offered to the blocks, which hear them
 * through weights that start at zero. Padding is hidden in both. The null is the empty text: one token that is
 * learned.
 *
 * Sources: Radford et al. 2021, "Learning transferable visual models from natural language supervision", section
 * 2.4, for a transformer encoder trained along; Xue et al. 2022, "ByT5: towards a token-free future with
 * pre-trained byte-to-byte models", for bytes as tokens.
 */
export class TextCondition extends Condition {
  static override readonly name: string = 'TextCondition';
  readonly token_embedding: Embedding;
  /** `[S, W]` */
  readonly position_embedding: Tensor;
  readonly blocks: readonly TextBlock[];
  readonly norm: LayerNorm;
  /** Tokens to tokens of the model's width. */
  readonly project: Linear;
  /** The mean token to the conditioning vector. */
  readonly pool: Linear;
  readonly values: ValueKind;
  override readonly tokenCount: number;

  constructor(config: TextConditionConfig, modelWidth: number, initialization: Initialization) {
    super();
    const { length, width, depth, heads, dropoutProb } = config;
    const [tokens, positions, project, pool, ...blocks] = splitInitialization(
      initialization,
      4 + depth,
    );
    const { embedding } = initialization.start;
    this.token_embedding = new Embedding(TOKENS, width, { key: tokens.key, init: embedding });
    this.position_embedding = embedding(positions.key, [length, width]);
    this.blocks = blocks.map((block) => new TextBlock(width, heads, block));
    this.norm = new LayerNorm(width);
    const { linear } = initialization.start;
    this.project = new Linear(width, modelWidth, { key: project.key, init: linear });
    this.pool = new Linear(width, modelWidth, { key: pool.key, init: init.zeros() });
    this.values = { shape: [length], dtype: 'int32', nullElement: PADDING, dropoutProb };
    this.tokenCount = length;
  }

  /** int32 `[B, S]` */
  forward(ids: Tensor): Contribution {
    const [, length] = ids.shape;
    const mask = ids.less(PADDING).or(arange(length).equal(0)); // [B, S]
    const visible = mask.unsqueeze(1).unsqueeze(1); // [B, 1, 1, S]
    let tokens = this.token_embedding.forward(ids).add(this.position_embedding); // [B, S, W]
    for (const block of this.blocks) tokens = block.forward(tokens, visible);
    const text = this.norm.forward(tokens);
    const weights = mask.cast('float32').unsqueeze(2); // [B, S, 1]
    const mean = text.mul(weights).sum(1).div(weights.sum(1)); // [B, W]
    return {
      vector: this.pool.forward(mean),
      tokens: { values: this.project.forward(text), mask },
    };
  }

  macs(): number {
    const [length, width] = this.position_embedding.shape;
    const [modelWidth] = this.project.weight.shape;
    const block = length * (4 + 2 * MLP_RATIO) * width ** 2 + 2 * length ** 2 * width;
    return this.blocks.length * block + (length + 1) * width * modelWidth;
  }
}

/**
 * Texts as tokens: their bytes in UTF-8, then padding.
 *
 * @param length S, the most bytes that a text may have.
 * @returns `[count, S]`, row-major
 * @throws ValueError if a text is longer.
 * @example
 * encodeTexts(['a 7', ''], 4); // [97, 32, 55, 256, 256, 256, 256, 256]
 */
export function encodeTexts(texts: readonly string[], length: number): Int32Array {
  checkList('encodeTexts', 'texts', texts, "['a thin seven']");
  checkWhole('encodeTexts', 'length', length, 1);
  const ids = new Int32Array(texts.length * length).fill(PADDING);
  texts.forEach((text, i) => {
    if (typeof text !== 'string') {
      throw new ValueError('encodeTexts', `texts[${i}] must be a text, but is ${kindOf(text)}.`);
    }
    const bytes = new TextEncoder().encode(text);
    if (bytes.length > length) {
      throw new ValueError(
        'encodeTexts',
        `the text "${text.slice(0, 60)}" has ${bytes.length} bytes, but the model reads at most ${length}. Shorten it.`,
      );
    }
    ids.set(bytes, i * length);
  });
  return ids;
}
