// Latents kept on disk: found again if autoencoder and images are the same to the bit, else computed anew.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeSafetensors, encodeSafetensors, FormatError } from '@tessera/tensor';
import type { Autoencoder } from '../../autoencoder/autoencoder.ts';
import type { ImageSet } from '../../data/data-set.ts';
import { writeFileAtomic } from '../../run/atomic-file.ts';
import { readWeights } from '../../run/checkpoint.ts';
import { problemOf } from '../../run/file-error.ts';
import { addBytes, addTensors } from '../../run/integrity/hash.ts';
import { encodeLatents, type LatentSet } from '../../codec/latents.ts';

/** A folder of latents, and the receiver of notices. */
export interface LatentCache {
  readonly folder: string;
  readonly onNotice: (text: string) => void;
}

/**
 * The latents of the first `count` images of a set, as `encodeLatents` gives them: read from the cache, or encoded and
 * written there. Their key is a hash of the weights and of the images as the autoencoder sees them, padded or cropped.
 * A file that is damaged, or of other weights or images, is told, and written anew. If it cannot be written, that is
 * told too.
 */
export async function cachedLatents(
  autoencoder: Autoencoder,
  set: ImageSet,
  count: number,
  { folder, onNotice }: LatentCache,
): Promise<LatentSet> {
  const key = await keyOf(autoencoder, set, count);
  const path = join(folder, `latents-${key.slice(0, 16)}.safetensors`);
  if (existsSync(path)) {
    try {
      const latents = await readLatents(path, key, count);
      onNotice(`The latents are those of ${path}.`);
      return latents;
    } catch (error) {
      onNotice(`${problemOf(error)} The latents are computed anew.`);
    }
  }
  const latents = await encodeLatents(autoencoder, set, count);
  try {
    await mkdir(folder, { recursive: true });
    await writeFileAtomic(path, latentBytes(latents, key));
  } catch (error) {
    onNotice(`The latents are not kept: ${problemOf(error)}`);
  }
  return latents;
}

async function keyOf(autoencoder: Autoencoder, set: ImageSet, count: number): Promise<string> {
  const { rows, columns, channels = 1, images } = set;
  const hash = createHash('sha256');
  await addTensors(hash, autoencoder);
  hash.update(JSON.stringify([rows, columns, channels, count]));
  return addBytes(hash, images.subarray(0, count * rows * columns * channels)).digest('hex');
}

function latentBytes(
  { count, shape, mean, logVariance, scale }: LatentSet,
  key: string,
): Uint8Array {
  const entry = (data: Float32Array) =>
    ({ dtype: 'float32', shape: [count, ...shape], data }) as const;
  const entries = new Map([
    ['mean', entry(mean)],
    ['logVariance', entry(logVariance)],
  ]);
  const metadata = { key, scale: String(scale), sum: sumOf(mean, logVariance) };
  return encodeSafetensors(entries, metadata);
}

/** Reads a file of latents. Throws a FormatError if it is damaged, or belongs to another key. */
async function readLatents(path: string, key: string, count: number): Promise<LatentSet> {
  const { tensors, metadata } = decodeSafetensors(await readWeights(path), path);
  if (metadata.key !== key) {
    throw new FormatError(
      'train',
      `${path} holds the latents of another autoencoder or of other images.`,
    );
  }
  const shape = tensors.get('mean')?.shape ?? [];
  const [mean, logVariance] = ['mean', 'logVariance'].map((name) => tensors.get(name)?.data);
  const scale = Number(metadata.scale);
  if (
    !(mean instanceof Float32Array && logVariance instanceof Float32Array) ||
    shape[0] !== count ||
    !(scale > 0) ||
    metadata.sum !== sumOf(mean, logVariance)
  ) {
    throw new FormatError('train', `${path} is damaged: its sum is not the one that was written.`);
  }
  return { count, shape: [shape[1], shape[2], shape[3]], mean, logVariance, scale };
}

/** A hash of the latents, which finds damage. */
function sumOf(mean: Float32Array, logVariance: Float32Array): string {
  return addBytes(addBytes(createHash('sha256'), mean), logVariance).digest('hex');
}
