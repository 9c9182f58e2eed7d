// Multi-head self-attention and cross-attention layers.

import {
  checkOptions,
  checkTensors,
  attention,
  eye,
  formatShape,
  ShapeError,
  split,
  type Tensor,
  type AttentionOptions as ScoreOptions,
} from '@tessera/tensor';
import type { Initializer } from './init.ts';
import { Linear, type LinearOptions } from './linear.ts';
import { Module } from '../module.ts';
import { checkSizes } from './sizes.ts';

/** Options of {@link SelfAttention}. */
export interface AttentionOptions {
  readonly key: Tensor;
  /** Whether the projections have a bias. Default true. */
  readonly bias?: boolean;
  /** The first weight of every projection. Default: the one of {@link Linear}. */
  readonly init?: Initializer;
}

/** Options of {@link CrossAttention}. */
export interface CrossAttentionOptions extends AttentionOptions {
  /** Width of the context. Default: the width of the queries. */
  readonly contextWidth?: number;
}

/**
 * Which token may look at which, for one call. `mask` broadcasts to `[B, N, T, S]`. A mask `[T, S]` holds for
 * all samples and heads; `[B, 1, 1, S]` hides the padding of each sample.
 */
export type AttentionMask = Pick<ScoreOptions, 'mask' | 'causal'>;

/**
 * Multi-head self-attention: `proj(softmax(q kᵀ / √E) v)` with q, k, v from one projection. The
 * rows of `qkv.weight` are q, then k, then v, each ordered by head.
 *
 * Source: Vaswani et al. 2017, "Attention is all you need", equation 1; names as in timm.
 *
 * @example
 * const attn = new SelfAttention(16, 4, { key: key(0) });
 * attn.forward(ones([2, 8, 16]), { causal: true }).shape; // [2, 8, 16]
 */
export class SelfAttention extends Module {
  static override readonly name: string = 'SelfAttention';
  readonly qkv: Linear;
  readonly proj: Linear;
  readonly heads: number;

  constructor(width: number, heads: number, options: AttentionOptions) {
    super();
    checkHeads('SelfAttention', width, heads);
    checkOptions('SelfAttention', options, ['key', 'bias', 'init']);
    const [qkvKey, projKey] = split(options.key);
    this.qkv = new Linear(width, 3 * width, linearOptions(options, qkvKey));
    this.proj = new Linear(width, width, linearOptions(options, projKey));
    this.heads = heads;
  }

  /** `[B, T, D] → [B, T, D]` */
  forward(x: Tensor, mask: AttentionMask = {}): Tensor {
    const [q, k, v] = this.project(x);
    return this.proj.forward(joinHeads(attention(q, k, v, mask)));
  }

  /** Queries, keys and values of the heads: `[B, T, D]` to `[B, N, T, E]` each. */
  project(x: Tensor): [q: Tensor, k: Tensor, v: Tensor] {
    checkTokens('SelfAttention', 'x', x, this.qkv);
    const [q, k, v] = this.qkv
      .forward(x)
      .chunk(3, -1)
      .map((part) => splitHeads(part, this.heads));
    return [q, k, v];
  }

  /** How much each token attends to each: `softmax(q kᵀ / √E)`, `[B, T, D] → [B, N, T, T]`. Rows sum to 1. */
  weights(x: Tensor, mask: AttentionMask = {}): Tensor {
    const [q, k] = this.project(x);
    return attention(q, k, eye(x.shape[1]), mask); // values that are unit vectors leave the weights
  }
}

/**
 * Multi-head attention from a sequence to a context: queries from `x`, keys and values from the
 * context. The rows of `kv.weight` are k, then v, each ordered by head.
 *
 * @example
 * const cross = new CrossAttention(16, 4, { key: key(0), contextWidth: 6 });
 * cross.forward(ones([2, 8, 16]), ones([2, 3, 6])).shape; // [2, 8, 16]
 */
export class CrossAttention extends Module {
  static override readonly name: string = 'CrossAttention';
  readonly q: Linear;
  readonly kv: Linear;
  readonly proj: Linear;
  readonly heads: number;

  constructor(width: number, heads: number, options: CrossAttentionOptions) {
    super();
    checkHeads('CrossAttention', width, heads);
    checkOptions('CrossAttention', options, ['key', 'bias', 'init', 'contextWidth']);
    const [qKey, kvKey, projKey] = split(options.key, 3);
    this.q = new Linear(width, width, linearOptions(options, qKey));
    this.kv = new Linear(options.contextWidth ?? width, 2 * width, linearOptions(options, kvKey));
    this.proj = new Linear(width, width, linearOptions(options, projKey));
    this.heads = heads;
  }

  /** `[B, T, D]` and context `[B, S, Dc]` to `[B, T, D]` */
  forward(x: Tensor, context: Tensor, mask: AttentionMask = {}): Tensor {
    checkTokens('CrossAttention', 'x', x, this.q);
    checkTokens('CrossAttention', 'the context', context, this.kv);
    const [k, v] = this.kv.forward(context).chunk(2, -1); // [B, S, D] each
    const { heads } = this;
    const q = splitHeads(this.q.forward(x), heads); // [B, N, T, E]
    const y = attention(q, splitHeads(k, heads), splitHeads(v, heads), mask); // [B, N, T, E]
    return this.proj.forward(joinHeads(y));
  }
}

/** `[B, T, D] → [B, N, T, E]` with D = N · E */
function splitHeads(x: Tensor, heads: number): Tensor {
  const [batch, tokens, width] = x.shape;
  return x.reshape([batch, tokens, heads, width / heads]).permute([0, 2, 1, 3]);
}

/** `[B, N, T, E] → [B, T, D]` */
function joinHeads(x: Tensor): Tensor {
  return x.permute([0, 2, 1, 3]).flatten(2);
}

function linearOptions({ bias = true, init }: AttentionOptions, key: Tensor): LinearOptions {
  return init === undefined ? { key, bias } : { key, bias, init };
}

/** Throws a ShapeError unless x is `[B, T, in]` for the layer that reads it. */
function checkTokens(op: string, name: string, x: Tensor, { weight }: Linear): void {
  checkTensors(op, { [name]: x });
  const { shape } = x;
  if (shape.length === 3 && shape[2] === weight.shape[1]) return;
  throw new ShapeError(
    op,
    `${name} is ${formatShape(shape)}, but [B, T, ${weight.shape[1]}] is expected.`,
    [shape],
  );
}

function checkHeads(op: string, width: number, heads: number): void {
  checkSizes(op, { width, heads });
  if (Number.isInteger(width / heads)) return;
  throw new ShapeError(op, `width ${width} does not divide into ${heads} heads.`, [[width]]);
}
