// The film of a denoising: what the model sees at some of the steps.

import { indexSelect, tensor, ValueError, type Tensor } from '@tessera/tensor';
import type { FilmSubject } from './formats.ts';
import { unscalePixels } from '../../data/batches.ts';
import type { GeneratedStep } from '../generate-options.ts';

/** Most images of a film; so its memory is bounded, whatever is drawn. */
const FILM_IMAGES = 10;

/** What a film is made of. */
export interface FilmOptions {
  /** How many steps an image takes. */
  readonly steps: number;
  /** How many of them are shown, evenly, the last with them. More than there are means all. */
  readonly frames: number;
  readonly shows: FilmSubject;
  /** Which of the drawn images are shown; the first ten of them. */
  readonly images: readonly number[];
  /** Latents to images, `[count, channels, size, size]`. */
  decode(latents: Tensor): Promise<Float32Array>;
}

/** One moment of a film. */
export interface FilmFrame {
  /** How many steps are done. */
  readonly step: number;
  /** Bytes `[rows, channels, size, size]`: one row for each image, or two if both are shown. */
  readonly pixels: Uint8ClampedArray;
}

/** Keeps the frames of a film while images are drawn. Its `onStep` is one of a generator. */
export class Film {
  static readonly name: string = 'Film';
  readonly #options: FilmOptions;
  readonly #shown: ReadonlySet<number>;
  readonly #parts: Map<number, Map<number, Uint8ClampedArray>> = new Map();

  constructor(options: FilmOptions) {
    const { steps, frames } = options;
    const count = Math.min(frames, steps);
    this.#options = options;
    this.#shown = new Set(
      Array.from({ length: count }, (_, frame) => Math.round(((frame + 1) * steps) / count) - 1),
    );
  }

  /** Takes a step, if the film shows it. Throws a ValueError if it is not finite, and so no picture. */
  async onStep({ start, n, x, xStart }: GeneratedStep): Promise<void> {
    if (!this.#shown.has(n)) return;
    const { images, shows, decode } = this.#options;
    const rows = images.slice(0, FILM_IMAGES);
    const here = rows
      .map((image, row) => ({ row, at: image - start }))
      .filter(({ at }) => at >= 0 && at < x.shape[0]);
    if (here.length === 0) return;
    const which = tensor(Int32Array.from(here, ({ at }) => at));
    const subjects = shows === 'both' ? [xStart, x] : [shows === 'x0' ? xStart : x];
    const frame = this.#parts.get(n) ?? new Map<number, Uint8ClampedArray>();
    this.#parts.set(n, frame);
    for (const [i, latents] of subjects.entries()) {
      const seen = await decode(indexSelect(latents, which, 0));
      if (!seen.every(Number.isFinite)) {
        throw new ValueError(
          'film',
          `what the model sees after step ${n + 1} is not finite. Lower the guidance, or look at the weights.`,
        );
      }
      const pixels = unscalePixels(seen);
      const size = pixels.length / here.length;
      here.forEach(({ row }, k) => {
        frame.set(row * subjects.length + i, pixels.subarray(k * size, (k + 1) * size));
      });
    }
  }

  /** The frames, from noise to data. */
  frames(): FilmFrame[] {
    return [...this.#parts].map(([n, rows]) => {
      const [first] = rows.values();
      const pixels = new Uint8ClampedArray(rows.size * first.length);
      for (const [row, image] of rows) pixels.set(image, row * first.length);
      return { step: n + 1, pixels };
    });
  }
}
