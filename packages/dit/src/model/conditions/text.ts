// Text as a condition: a small transformer encoder over words and bytes, trained along with the model.

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

/** The token behind the last one of a text. Alone at the start it is the empty text, the null. */
const PADDING = 256;

/** The token of the first word. Bytes are the tokens before padding. */
const FIRST_WORD = PADDING + 1;

/** The pieces of a text: words, and each other character alone. */
const PIECES = /[\p{L}\p{N}]+|[^\p{L}\p{N}]/gu;

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
 * A text of at most S tokens: int32 `[B, S]`, as {@link encodeTexts} gives them. Its mean token is added to the
 * conditioning vector by a layer that starts at zero. All its tokens are offered to the blocks, which hear them
 * through weights that start at zero. Padding is hidden in both. The null is the empty text: one token that is
 * learned.
 *
 * Sources: Radford et al. 2021, "Learning transferable visual models from natural language supervision", section
 * 2.4, for a transformer encoder trained along; Xue et al. 2022, "ByT5: towards a token-free future with
 * pre-trained byte-to-byte models", for bytes as tokens of what is no known word.
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
    const { length, words = [], width, depth, heads, dropoutProb } = config;
    const [tokens, positions, project, pool, ...blocks] = splitInitialization(
      initialization,
      4 + depth,
    );
    const { embedding } = initialization.start;
    this.token_embedding = new Embedding(FIRST_WORD + words.length, width, {
      key: tokens.key,
      init: embedding,
    });
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
    const mask = ids.notEqual(PADDING).or(arange(length).equal(0)); // [B, S]
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
}

/**
 * Texts as tokens, then padding. A text is cut into words and other characters. A known word is one token, 257
 * for the first of `words`. All else is its bytes in UTF-8. A space beside a known word is left out.
 *
 * @param length S, the most tokens that a text may have.
 * @param words The known words. Default: none, so that a text is its bytes.
 * @returns `[count, S]`, row-major
 * @throws ValueError if a text is longer.
 * @example
 * encodeTexts(['a 7', ''], 4); // [97, 32, 55, 256, 256, 256, 256, 256]
 * encodeTexts(['a seven', 'a 7'], 4, ['seven']); // [97, 257, 256, 256, 97, 32, 55, 256]
 */
export function encodeTexts(
  texts: readonly string[],
  length: number,
  words: readonly string[] = [],
): Int32Array {
  checkList('encodeTexts', 'texts', texts, "['a thin seven']");
  checkWhole('encodeTexts', 'length', length, 1);
  checkList('encodeTexts', 'words', words, "['thin', 'seven']");
  const known = new Map(words.map((word, i) => [word, FIRST_WORD + i]));
  const ids = new Int32Array(texts.length * length).fill(PADDING);
  texts.forEach((text, i) => {
    if (typeof text !== 'string') {
      throw new ValueError('encodeTexts', `texts[${i}] must be a text, but is ${kindOf(text)}.`);
    }
    const tokens = tokensOf(text, known);
    if (tokens.length > length) {
      const what =
        words.length === 0 ? 'bytes' : 'tokens: words that it knows, and bytes of others';
      throw new ValueError(
        'encodeTexts',
        `the text "${text.slice(0, 60)}" has ${tokens.length} ${what}, but the model reads at most ${length}. Shorten it.`,
      );
    }
    ids.set(tokens, i * length);
  });
  return ids;
}

/** Most tokens that one of these texts has, see {@link encodeTexts}. */
export function mostTokens(texts: readonly string[], words: readonly string[] = []): number {
  const known = new Map(words.map((word, i) => [word, i]));
  return texts.reduce((most, text) => Math.max(most, tokensOf(text, known).length), 0);
}

function tokensOf(text: string, known: ReadonlyMap<string, number>): readonly number[] {
  const pieces = text.match(PIECES) ?? [];
  return pieces.flatMap((piece, i) => {
    const word = known.get(piece);
    if (word !== undefined) return [word];
    if (piece === ' ' && [pieces[i - 1], pieces[i + 1]].some((each) => known.has(each))) return [];
    return [...new TextEncoder().encode(piece)];
  });
}
