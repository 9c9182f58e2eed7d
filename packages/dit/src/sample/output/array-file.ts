// Samples as arrays for NumPy: npy and npz.

import { zipSync } from 'fflate';
import { tensor, toNpy } from '@tessera/tensor';
import type { ImageShape } from '../../config/autoencoder-config.ts';
import { unscalePixels } from '../../data/batches.ts';

/** The names of the arrays in an npz file: those that `numpy.savez` gives, and evaluators look for. */
const ARRAYS = ['arr_0.npy', 'arr_1.npy'];

/** An archive holds no time of its own, so that the same samples give the same bytes: the first day of zip. */
const NO_TIME = new Date(1980, 0, 1);

/** Images `[count, channels, size, size]` of about [-1, 1] as an npy file of bytes, `[count, size, size, channels]`. */
export async function imagesToNpy(
  images: Float32Array,
  { size, channels }: ImageShape,
): Promise<Uint8Array> {
  const bytes = unscalePixels(images);
  const count = images.length / (channels * size ** 2);
  const planes = tensor(Int32Array.from(bytes), { shape: [count, channels, size, size] });
  return toNpy(planes.permute([0, 2, 3, 1]), { dtype: '|u1' });
}

/**
 * Images in colour, for programs that take nothing else, such as the evaluator of ADM: it looks for bytes
 * `[count, height, width, 3]` in the array arr_0. Grey ones get three equal channels.
 *
 * Source: Dhariwal & Nichol 2021, "Diffusion models beat GANs on image synthesis"; its `evaluations/evaluator.py`.
 */
export function inColour(
  images: Float32Array,
  shape: ImageShape,
): readonly [images: Float32Array, shape: ImageShape] {
  if (shape.channels === 3) return [images, shape];
  const area = shape.size ** 2;
  const all = new Float32Array(3 * images.length);
  for (let i = 0; i < all.length; i += area) {
    const at = Math.floor(i / (3 * area)) * area;
    all.set(images.subarray(at, at + area), i);
  }
  return [all, { ...shape, channels: 3 }];
}

/** Latents as an npy file of float32. */
export function latentsToNpy(latents: Float32Array, shape: readonly number[]): Promise<Uint8Array> {
  return toNpy(tensor(latents, { shape }));
}

/** Labels as an npy file of int32. */
export function labelsToNpy(labels: readonly number[]): Promise<Uint8Array> {
  return toNpy(tensor(Int32Array.from(labels)));
}

/** One or two npy files as the arrays arr_0 and arr_1 of an npz archive, compressed. */
export function npzOf(...npys: readonly Uint8Array[]): Uint8Array {
  return archiveOf(Object.fromEntries(npys.map((npy, i) => [ARRAYS[i], npy])));
}

/** Given latents as an npz archive that `--data` takes. */
export function latentsToNpz(npy: Uint8Array): Uint8Array {
  return archiveOf({ 'latents.npy': npy });
}

function archiveOf(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  return zipSync(files, { mtime: NO_TIME });
}
