// Self-attention whose queries and keys are turned by their places on the grid of patches.

import { Linear, Module, RMSNorm } from '@tessera/autograd/nn';
import { attention, eye, split, type Tensor } from '@tessera/tensor';
import type { Initialization } from '../initialization.ts';
import { rotaryTables, rotate } from '../rotary.ts';
import { NORM_EPS } from './block.ts';

/** Sizes of {@link RotaryAttention}. */
export interface RotaryAttentionSizes {
  /** D */
  readonly width: number;
  /** N; D / N is a multiple of 4. */
  readonly heads: number;
  /** Rows and columns of patches. */
  readonly grid: readonly [rows: number, columns: number];
  /** Whether queries and keys are normalised before they are turned. */
  readonly qkNorm: boolean;
}

/**
 * Multi-head self-attention with rotary position embedding, see `rotate`. With `qkNorm` each head of
 * queries and keys is divided by its root mean square and scaled, which keeps the logits bounded.
 *
 * Source: Su et al. 2021, "RoFormer", equation 16; Henry et al. 2020, "Query-key normalization for Transformers",
 * and Dehghani et al. 2023, "Scaling vision transformers to 22 billion parameters", section 2.1, for the norms.
 */
export class RotaryAttention extends Module {
  static override readonly name: string = 'RotaryAttention';
  readonly qkv: Linear;
  readonly q_norm: RMSNorm | null;
  readonly k_norm: RMSNorm | null;
  readonly proj: Linear;
  readonly heads: number;
  readonly grid: readonly [rows: number, columns: number];

  constructor(
    { width, heads, grid, qkNorm }: RotaryAttentionSizes,
    { key, start }: Initialization,
  ) {
    super();
    const [qkvKey, projKey] = split(key);
    const norm = (): RMSNorm | null =>
      qkNorm ? new RMSNorm(width / heads, { eps: NORM_EPS }) : null;
    this.qkv = new Linear(width, 3 * width, { key: qkvKey, init: start.linear });
    this.q_norm = norm();
    this.k_norm = norm();
    this.proj = new Linear(width, width, { key: projKey, init: start.linear });
    this.heads = heads;
    this.grid = grid;
  }

  /** `[B, T, D] → [B, T, D]` */
  forward(x: Tensor): Tensor {
    const [q, k, v] = this.project(x);
    return this.proj.forward(attention(q, k, v).permute([0, 2, 1, 3]).flatten(2));
  }

  /** Queries and keys, turned, and values of the heads: `[B, T, D]` to `[B, N, T, E]` each. */
  project(x: Tensor): [q: Tensor, k: Tensor, v: Tensor] {
    const { heads, grid, q_norm, k_norm } = this;
    const [batch, tokens, width] = x.shape;
    const tables = rotaryTables(grid, width / heads);
    const [q, k, v] = this.qkv
      .forward(x)
      .chunk(3, -1)
      .map((part) => part.reshape([batch, tokens, heads, width / heads]).permute([0, 2, 1, 3])); // [B, N, T, E]
    const turned = (part: Tensor, norm: RMSNorm | null): Tensor =>
      rotate(norm === null ? part : norm.forward(part), tables);
    return [turned(q, q_norm), turned(k, k_norm), v];
  }

  /** How much each token attends to each: `softmax(q kᵀ / √E)`, `[B, T, D] → [B, N, T, T]`. Rows sum to 1. */
  weights(x: Tensor): Tensor {
    const [q, k] = this.project(x);
    return attention(q, k, eye(x.shape[1])); // values that are unit vectors leave the weights
  }
}
