// What the room Draw asks of its service, and what it gets.

import type { Sampler } from '@tessera/dit';
import type { Subject, SubjectMaps } from '../../engine/run/subject.ts';

/** How images are drawn. */
export interface Drawing extends Subject {
  readonly guidance: number;
  readonly steps: number;
  readonly sampler: Sampler;
  readonly seed: number;
  readonly maps: SubjectMaps;
}

/** New images from noise. */
export interface NewDrawing extends Drawing {
  readonly count: number;
}

/** A drawn image that the model completes. */
export interface Completion extends NewDrawing {
  /** `[size, size]` in [0, 1], row-major. */
  readonly pixels: Float32Array;
  /** `[size, size]`: 1 where the model draws anew and the rest stays. Without a 1, all is redrawn from some noise on. */
  readonly mask: Uint8Array;
  /** How much noise the drawing gets if there is no mask: from 0, hardly any, to 1, nothing of it is left. */
  readonly strength: number;
}

/** A way from one subject, drawn from one seed, to another. */
export interface Path extends Drawing {
  readonly to: Subject;
  readonly toSeed: number;
  readonly count: number;
}

/** One step of the film of some images. Pictures are bytes `[count, channels, size, size]`. */
export interface Frame {
  /** Number of the step, from 1. */
  readonly step: number;
  readonly totalSteps: number;
  /** The latents after the step, decoded. */
  readonly drawn: Uint8ClampedArray<ArrayBuffer>;
  /** What the model takes the images to be without their noise, decoded. */
  readonly guess: Uint8ClampedArray<ArrayBuffer>;
}

/** What a drawing took. */
export interface Drawn {
  readonly milliseconds: number;
}
