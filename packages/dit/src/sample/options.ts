// The types of what sampling from a run takes and reports.

import type { BackendName } from '../config/choices.ts';
import type { FilmSubject, SampleFormat } from './output/formats.ts';
import type { SamplingConfig } from '../config/diffusion-config.ts';
import type { Shard } from '../shard/shard.ts';

/** One report after a denoising step. */
export interface SampleProgress {
  /** Number of the finished step, from 1. */
  readonly step: number;
  readonly totalSteps: number;
}

/** The options of `sampleRun`. */
export interface SampleOptions extends SamplingConfig {
  /** The folder of the run. Default: the one that the package brings, {@link SHIPPED_RUN}. */
  readonly run?: string;
  /** Classes to draw. Each is one row of samples in the picture. A model without classes has class 0. */
  readonly labels: readonly number[];
  /** Whether the rows leave the label open, so that texts and maps alone decide. Default: false. */
  readonly openLabel?: boolean;
  /** Samples of each row. Default: 10. */
  readonly count?: number;
  /** Texts to draw, one a row, for a model that reads text. Then `labels` has as many entries. */
  readonly texts?: readonly string[];
  /** A text to draw the opposite of: it takes the place of the empty text in guidance. */
  readonly negative?: string;
  /** Files of maps, PNG or npy, by the names of the model's conditions. */
  readonly maps?: Readonly<Record<string, string>>;
  /** Numbers, such as the thickness of strokes, by the names of the model's conditions. */
  readonly numbers?: Readonly<Record<string, number>>;
  /** A guidance scale for each condition by name, in place of one for all. */
  readonly scales?: Readonly<Record<string, number>>;
  /** How much the branches of the model count. Default 1. */
  readonly controlScale?: number;
  /** Seed of the noise, an unsigned 32-bit integer. */
  readonly seed: number;
  /** The file to write; with a `shard` the folder of its part. */
  readonly out: string;
  /** Draws a part of the samples, for a job array: every `count`-th hundred from the `index`-th. Default: all. */
  readonly shard?: Shard;
  /** The folder of all parts, which are put together in place of drawing. The other options are those of the parts. */
  readonly merge?: string;
  /** The average that draws, as in `ReadRunOptions`: a decay, or `'best'`. Default: its `emaDecay`. */
  readonly ema?: number | 'best';
  /** The kind of that file. Default: by the end of its name. */
  readonly format?: SampleFormat;
  /** Whether the file holds latents in place of images, float32 `[count, C, h, w]`; for npy and npz. */
  readonly latents?: boolean;
  /** A film of the denoising of the first image of each row, up to ten. */
  readonly film?: {
    /** A strip of frames (.png), or an animation (.gif, .apng). */
    readonly file: string;
    /** Default: 16, or all steps if there are fewer. */
    readonly frames?: number;
    /** Default: `'x0'`. */
    readonly shows?: FilmSubject;
  };
  /** Each row goes from its label, its text and the seed to another end. */
  readonly interpolate?: {
    /** Images of a row, both ends with them. Default: 10. */
    readonly columns?: number;
    readonly toLabels?: readonly number[];
    readonly toTexts?: readonly string[];
    readonly toSeed?: number;
  };
  /**
   * What the mask leaves of an image stays, and the rest is drawn. A run that was trained with the condition `inpaint`
   * is told what stays; in any other run it takes the place of what the sampler draws there, step by step.
   */
  readonly inpaint?: {
    /** A .png, .jpg or .npy file. */
    readonly image: string;
    /** A .png or .npy file: white where the image is drawn anew. */
    readonly mask: string;
    /**
     * As in `InpaintOptions`. Default: 1; with a run that is told what stays, no passes: it takes that place in none
     * of the steps.
     */
    readonly passes?: number;
  };
  /** An image is changed into what `labels` and `texts` say. */
  readonly edit?: {
    /** A .png, .jpg or .npy file. */
    readonly image: string;
    /** What it shows: a class. */
    readonly label?: number;
    /** What it shows: a text. */
    readonly text?: string;
    /** The share of the steps that it goes back, above 0, up to 1. Default: 1. */
    readonly strength?: number;
  };
  /** The backend that computes. Default: the backend of the run. */
  readonly backend?: BackendName;
  readonly onNotice?: (text: string) => void;
  readonly onProgress?: (progress: SampleProgress) => void;
}
