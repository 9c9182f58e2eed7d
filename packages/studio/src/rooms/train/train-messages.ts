// What the room Train asks of its service, and what it gets.

import type { Design, Objective } from '@tessera/dit';

/** What a training is made of. */
export interface TrainSettings {
  readonly design: Design;
  readonly objective: Objective;
  readonly patch: number;
  readonly width: number;
  readonly depth: number;
  /** Steps of the whole training: the learning rate falls until then. */
  readonly steps: number;
  readonly seed: number;
}

/** The digits that trainings see. */
export interface DataFacts {
  readonly count: number;
  /** Whether models see the latents of the autoencoder beside the page, or pixels. */
  readonly codec: 'autoencoder' | 'pixels';
  /** Side of what models see, in places. */
  readonly side: number;
}

/** What a step tells. */
export interface Point {
  /** From 1. */
  readonly step: number;
  readonly loss: number;
  readonly gradNorm: number;
}

/** A training, as a page shows it. */
export interface TrainingFacts {
  readonly name: string;
  readonly parameters: number;
  readonly totalSteps: number;
  /** All steps so far. */
  readonly points: readonly Point[];
}

/** A report while trainings go on. */
export interface Report {
  /** The number of the training. */
  readonly training: number;
  /** The steps since the last report. */
  readonly points: readonly Point[];
  readonly imagesPerSecond: number;
  /** New samples, one of each class: bytes `[10, 32, 32]`. */
  readonly samples?: Uint8ClampedArray<ArrayBuffer>;
}

/** What happened to the trainings in the private files of the page. */
export interface Saving {
  /** Why they could not be saved; `null` if they are. */
  readonly failure: string | null;
}

/** A file of a run. */
export interface RunFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}
