// The Diffusion Transformers that are timed, as every contender builds them.

/** Sizes of a model, and the batch that it is trained with. */
export interface ModelSizes {
  /** Width D of the tokens. */
  readonly width: number;
  /** Number of blocks. */
  readonly depth: number;
  /** Attention heads N. */
  readonly heads: number;
  /** Latents a training step. */
  readonly batch: number;
}

/** Which model: a tiny one, and the DiT-S of the paper. */
export type ModelName = 'tiny' | 's';

/** The models by name. Both see latents [B, 4, 14, 14] in patches of 2 (T = 49) and 10 + 1 classes. */
export const MODELS: Readonly<Record<ModelName, ModelSizes>> = {
  tiny: { width: 128, depth: 6, heads: 4, batch: 64 },
  s: { width: 384, depth: 12, heads: 6, batch: 16 },
};

/** Channels, side of a latent, side of a patch, tokens, rows of the label table, width of the timestep's features. */
export const LATENT = {
  channels: 4,
  side: 14,
  patch: 2,
  tokens: 49,
  labels: 11,
  time: 256,
} as const;

/** Settings of AdamW, with decay on every parameter. */
export const ADAMW = {
  learningRate: 1e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0.01,
} as const;

/** How `denoise-50` walks: z ← 1.001·(z − 0.02·ε(z, t)) + 0.01·noise with t = 20·(steps − 1 − i). */
export const DENOISING = {
  steps: 50,
  batch: 16,
  stride: 20,
  keep: 1.001,
  remove: 0.02,
  noise: 0.01,
} as const;

/** The parameters of a model, `[name, shape]`, under the official names and in PyTorch's layouts. */
export function parameterShapes(model: ModelName): (readonly [string, readonly number[]])[] {
  const { width, depth } = MODELS[model];
  const { channels, patch, labels, time } = LATENT;
  const linear = (
    name: string,
    inputs: number,
    outputs: number,
  ): (readonly [string, readonly number[]])[] => [
    [`${name}.weight`, [outputs, inputs]],
    [`${name}.bias`, [outputs]],
  ];
  const block = (i: number): (readonly [string, readonly number[]])[] => [
    ...linear(`blocks.${i}.attn.qkv`, width, 3 * width),
    ...linear(`blocks.${i}.attn.proj`, width, width),
    ...linear(`blocks.${i}.mlp.fc1`, width, 4 * width),
    ...linear(`blocks.${i}.mlp.fc2`, 4 * width, width),
    ...linear(`blocks.${i}.adaLN_modulation.1`, width, 6 * width),
  ];
  return [
    ['x_embedder.proj.weight', [width, channels, patch, patch]],
    ['x_embedder.proj.bias', [width]],
    ...linear('t_embedder.mlp.0', time, width),
    ...linear('t_embedder.mlp.2', width, width),
    ['y_embedder.embedding_table.weight', [labels, width]],
    ...Array.from({ length: depth }, (_, i) => block(i)).flat(),
    ...linear('final_layer.adaLN_modulation.1', width, 2 * width),
    ...linear('final_layer.linear', width, patch * patch * channels),
  ];
}

/**
 * Floating point operations of one forward pass: twice the multiplications of its matrix products.
 * A training step takes three times as many.
 */
export function forwardFlops(model: ModelName, batch: number): number {
  const { width, depth } = MODELS[model];
  const { channels, patch, tokens, time } = LATENT;
  const perToken = depth * (12 * width * width + 2 * tokens * width);
  const ends = 2 * width * channels * patch * patch;
  const perImage = width * (time + width) + depth * 6 * width * width + 2 * width * width;
  return 2 * batch * (tokens * (perToken + ends) + perImage);
}

/** The sine-cosine table of the 7 × 7 positions, `[T, D]`, the horizontal half first. */
export function positionTable(width: number): Float32Array {
  const side = LATENT.side / LATENT.patch;
  const quarter = width / 4;
  const table = new Float32Array(LATENT.tokens * width);
  for (let token = 0; token < LATENT.tokens; token++) {
    [token % side, Math.floor(token / side)].forEach((place, half) => {
      for (let i = 0; i < quarter; i++) {
        const angle = place / 10000 ** (i / quarter);
        const start = token * width + half * 2 * quarter;
        table[start + i] = Math.sin(angle);
        table[start + quarter + i] = Math.cos(angle);
      }
    });
  }
  return table;
}

/** The features of timesteps, `[B, 256]`: cosines, then sines, of 128 frequencies from 1 to 1/10000. */
export function timestepFeatures(timesteps: ArrayLike<number>): Float32Array {
  const half = LATENT.time / 2;
  const features = new Float32Array(timesteps.length * LATENT.time);
  for (let b = 0; b < timesteps.length; b++) {
    for (let j = 0; j < half; j++) {
      const frequency = Math.fround(Math.exp((-Math.log(10000) * j) / half));
      const angle = Math.fround(timesteps[b] * frequency);
      features[b * LATENT.time + j] = Math.cos(angle);
      features[b * LATENT.time + half + j] = Math.sin(angle);
    }
  }
  return features;
}

/** Labels as rows of 0 and 1, `[B, 11]`, for those that cannot differentiate a lookup. */
export function oneHotLabels(labels: ArrayLike<number>): Float32Array {
  const rows = new Float32Array(labels.length * LATENT.labels);
  for (let b = 0; b < labels.length; b++) rows[b * LATENT.labels + labels[b]] = 1;
  return rows;
}
