// Timesteps as vectors: sines and cosines, then a small MLP.

import { Linear, Module } from '@tessera/autograd/nn';
import {
  concat,
  formatShape,
  ShapeError,
  silu,
  tensor,
  ValueError,
  type Tensor,
} from '@tessera/tensor';
import { splitInitialization, type Initialization } from './initialization.ts';

/** Number of frequencies, sines and cosines together, in the official model. */
export const FREQUENCY_WIDTH = 256;

const MAX_PERIOD = 10_000;

/** Significant bits of the coarse part of a frequency; with 12 bits of t their product is exact in float32. */
const COARSE_BITS = 12;

/**
 * The sinusoidal embedding `[cos(t f_0), …, cos(t f_{h−1}), sin(t f_0), …, sin(t f_{h−1})]` with
 * `f_k = 10000^(−k/h)` and h = ⌊width/2⌋; an odd width ends with one zero.
 *
 * In float32 the product `t f` would be wrong by up to 3e-5 at t = 999. So f, known in float64, is
 * split in a coarse part of 12 bits and a rest, t in its whole part and its fraction; then
 * `a = ⌊t⌋ · coarse` is exact for t < 4096, `b = t f − a` is small, and the addition theorems join
 * them. The result is within 2e-7 of the exact value.
 *
 * Source: Nichol & Dhariwal 2021, "Improved denoising diffusion probabilistic models"; Vaswani et
 * al. 2017, section 3.5.
 *
 * @param t `[B]`, int32 or float32, at least 0: timesteps, not scaled to [0, 1]; fractions are allowed.
 * @returns `[B, width]`
 * @example
 * timestepEmbedding(tensor([0, 1]), 4); // [[1, 1, 0, 0], [0.5403, 0.99995, 0.8415, 0.01000]]
 */
export function timestepEmbedding(t: Tensor, width: number = FREQUENCY_WIDTH): Tensor {
  if (t.rank !== 1) {
    throw new ShapeError(
      'timestepEmbedding',
      `t is ${formatShape(t.shape)}, but [B] is expected.`,
      [t.shape],
    );
  }
  if (!Number.isSafeInteger(width) || width < 1) {
    throw new ValueError(
      'timestepEmbedding',
      `width must be a whole number of at least 1, but is ${width}.`,
    );
  }
  const half = Math.floor(width / 2);
  const { frequency, coarse, rest } = frequencies(half);
  const time = t.cast('float32').unsqueeze(1); // [B, 1]
  const whole = time.floor();
  const a = whole.mul(coarse); // [B, half]
  const b = whole.mul(rest).add(time.sub(whole).mul(frequency));
  const [sinA, cosA, sinB, cosB] = [a.sin(), a.cos(), b.sin(), b.cos()];
  const cos = cosA.mul(cosB).sub(sinA.mul(sinB));
  const sin = sinA.mul(cosB).add(cosA.mul(sinB));
  const joined = concat([cos, sin], 1); // [B, 2 · half]
  return width === 2 * half
    ? joined
    : joined.pad([
        [0, 0],
        [0, 1],
      ]);
}

/** The frequencies `[1, half]`, whole and in the two parts that make up their float64 value. */
function frequencies(half: number): { frequency: Tensor; coarse: Tensor; rest: Tensor } {
  const exact = Float64Array.from({ length: half }, (_, k) =>
    Math.exp((-Math.log(MAX_PERIOD) * k) / half),
  );
  const coarse = exact.map((f) => {
    const unit = 2 ** (Math.floor(Math.log2(f)) + 1 - COARSE_BITS);
    return Math.round(f / unit) * unit;
  });
  const row = (values: Float64Array): Tensor =>
    tensor(Float32Array.from(values), { shape: [1, half] });
  return {
    frequency: row(exact),
    coarse: row(coarse),
    rest: row(exact.map((f, k) => f - coarse[k])),
  };
}

/**
 * Embeds timesteps: 256 sines and cosines, then an MLP of two layers with SiLU between.
 *
 * Source: Peebles & Xie 2023, section 3.2 and appendix A.
 *
 * @example
 * const embedder = new TimestepEmbedder(8, { key: key(0), start: officialStart });
 * embedder.forward(tensor([0, 999], { dtype: 'int32' })); // float32[2, 8]
 */
export class TimestepEmbedder extends Module {
  static override readonly name: string = 'TimestepEmbedder';
  readonly mlp: readonly [Linear, typeof silu, Linear];

  constructor(width: number, initialization: Initialization) {
    super();
    const [first, second] = splitInitialization(initialization, 2);
    this.mlp = [
      new Linear(FREQUENCY_WIDTH, width, { key: first.key, init: first.start.embedding }),
      silu,
      new Linear(width, width, { key: second.key, init: second.start.embedding }),
    ];
  }

  /** `[B] → [B, D]` */
  forward(t: Tensor): Tensor {
    const [first, activation, second] = this.mlp;
    return second.forward(activation(first.forward(timestepEmbedding(t))));
  }
}
