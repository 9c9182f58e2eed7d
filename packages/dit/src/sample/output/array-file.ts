// Samples as arrays for NumPy: npy and npz.

import { zipSync } from 'fflate';
import { tensor, toNpy } from '@tessera/tensor';
import type { ImageShape } from '../../config/autoencoder-config.ts';
import { unscalePixels } from '../../data/batches.ts';

/** The name of the array in an npz file: the one that `numpy.savez` gives, and evaluators look for. */
const ARRAY = 'arr_0.npy';

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

/** Latents as an npy file of float32. */
export function latentsToNpy(latents: Float32Array, shape: readonly number[]): Promise<Uint8Array> {
  return toNpy(tensor(latents, { shape }));
}

/** An npy file as the only array of an npz archive, compressed. */
export function npzOf(npy: Uint8Array): Uint8Array {
  return zipSync({ [ARRAY]: npy }, { mtime: NO_TIME });
}
