// What the room Inside the transformer asks of its service, and what it gets.

import type { Subject } from '../../engine/run/subject.ts';

/** A digit to draw and watch. */
export interface Watched extends Subject {
  readonly guidance: number;
  readonly steps: number;
  readonly seed: number;
}

/** How a model cuts latents into tokens, and its sizes. */
export interface Layout {
  /** Channels, rows and columns of a latent. */
  readonly latent: readonly [channels: number, height: number, width: number];
  /** Rows and columns of patches. */
  readonly grid: readonly [rows: number, columns: number];
  readonly patchSize: number;
  readonly depth: number;
  readonly heads: number;
  /** Tokens of self-attention that stand before the patches: timestep and label of the in-context design. */
  readonly leading: number;
  /** Whether the model knows what it is like to be asked for nothing. */
  readonly isGuided: boolean;
}

/** One step of a sample, and what the model computed for it. Pictures are bytes `[channels, size, size]`. */
export interface Moment {
  /** Number of the step, from 1. */
  readonly step: number;
  /** The timestep that the model is told. */
  readonly time: number;
  /** The latent that the model sees, decoded. */
  readonly seen: Uint8ClampedArray<ArrayBuffer>;
  /** The latent that it sees: `[C, h, w]`. */
  readonly latent: Float32Array<ArrayBuffer>;
  /** `[depth, N, T, T]`, with the label. */
  readonly attention: Float32Array<ArrayBuffer>;
  /** `[depth, 2, D]`, of attention and of the MLP, with the label; empty for a design without gates. */
  readonly gates: Float32Array<ArrayBuffer>;
  /** The conditioning vector with the label; `[D]`, or timestep and label one behind the other, `[2 · D]`. */
  readonly condition: Float32Array<ArrayBuffer>;
  readonly guidance: GuidanceParts | null;
}

/** The two predictions that guidance draws apart. */
export interface GuidanceParts {
  /** The conditioning vector without the label, as {@link Moment.condition}. */
  readonly condition: Float32Array<ArrayBuffer>;
  /** The clean image that the prediction without label points to. */
  readonly without: Uint8ClampedArray<ArrayBuffer>;
  /** The same with the label. */
  readonly told: Uint8ClampedArray<ArrayBuffer>;
  /** The same after guidance. */
  readonly guided: Uint8ClampedArray<ArrayBuffer>;
  /** The prediction with the label less the one without, as a length over the channels: `[h, w]`. */
  readonly difference: Float32Array<ArrayBuffer>;
}
