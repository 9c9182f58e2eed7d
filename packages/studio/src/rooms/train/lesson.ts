// What trainings see: digits beside the page or dropped in, as latents of a run beside it or as pixels.

import {
  Autoencoder,
  codecOf,
  decodeIdxImages,
  decodeIdxLabels,
  IMAGE_SIZE,
  loadModule,
  padImages,
  parseTrainConfig,
} from '@tessera/dit';
import { fetchAutoencoder } from '../../engine/run/run-files.ts';
import { BATCH, type Lesson } from './training.ts';

/** Two idx files: images and their labels, gzipped or not. */
export interface IdxFiles {
  readonly images: Uint8Array<ArrayBuffer>;
  readonly labels: Uint8Array<ArrayBuffer>;
}

/** The first bytes of a gzipped file. */
const GZIP = [0x1f, 0x8b];

/** Fetches the digits beside the page. */
export async function fetchDigits(base: string, signal: AbortSignal): Promise<IdxFiles> {
  const [images, labels] = await Promise.all(
    ['images', 'labels'].map(async (name) => {
      const response = await fetch(new URL(`data/${name}.bin`, base), { signal });
      if (!response.ok) throw new Error(`data/${name}.bin did not arrive: ${response.status}.`);
      return new Uint8Array(await response.arrayBuffer());
    }),
  );
  return { images, labels };
}

/**
 * Makes digits ready for trainings. Where a run with an autoencoder lies beside the page, models see its latents.
 *
 * @throws FormatError if a file is no idx file; ValueError if images are larger than 32×32; Error if they are too few
 */
export async function lessonOf(
  base: string,
  files: IdxFiles,
  signal: AbortSignal,
): Promise<Lesson> {
  const [images, labels] = await Promise.all([unpacked(files.images), unpacked(files.labels)]);
  const set = padImages(decodeIdxImages(images), IMAGE_SIZE);
  const classes = decodeIdxLabels(labels, { classes: 10 });
  if (classes.length !== set.count) {
    throw new Error(
      `There are ${set.count} images and ${classes.length} labels. Each image needs one.`,
    );
  }
  if (set.count < BATCH) {
    throw new Error(
      `There are ${set.count} images, but each step sees ${BATCH}. Drop at least as many.`,
    );
  }
  const digits = await digestOf(files);
  const run = await fetchAutoencoder(base, signal);
  const config = run === null ? undefined : parseTrainConfig(JSON.parse(run.config));
  if (run === null || config?.autoencoder === undefined || config.model.inputSize !== LATENT_SIDE) {
    const latents = await codecOf({ codec: 'pixels' }).prepare(set, set.count);
    return { digits, latents, labels: classes, side: IMAGE_SIZE, channels: 1 };
  }
  const sizes = config.autoencoder;
  const module = loadModule(
    run.autoencoder,
    Autoencoder.blank(sizes),
    'run/autoencoder.safetensors',
  );
  const latents = await codecOf({}, module).prepare(set, set.count);
  return {
    digits,
    latents,
    labels: classes,
    autoencoder: { module, sizes },
    side: LATENT_SIDE,
    channels: config.model.inChannels,
  };
}

/** Side of the latents of images of 32×32. */
const LATENT_SIDE = 8;

/** What tells digits from others: the SHA-256 of both files. A page that has none keeps no trainings either. */
async function digestOf({ images, labels }: IdxFiles): Promise<string> {
  if (!isSecureContext) return '';
  const both = await new Blob([images, labels]).arrayBuffer();
  return new Uint8Array(await crypto.subtle.digest('SHA-256', both)).join();
}

async function unpacked(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  if (GZIP.some((byte, i) => bytes[i] !== byte)) return bytes;
  const stream = new Response(bytes).body?.pipeThrough(new DecompressionStream('gzip')) ?? null;
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
