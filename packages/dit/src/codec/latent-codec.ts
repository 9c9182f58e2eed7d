// Given latents as codec: the model sees the data themselves, brought to unit variance.

import { tensor, ValueError } from '@tessera/tensor';
import { checkIndices } from '../data/batches.ts';
import type { GivenLatents } from '../data/data-set.ts';
import { gatherRows } from '../data/gather-rows.ts';
import type { Codec } from './codec.ts';

/** The codec `latents`. */
export const latentCodec: Codec = {
  encode: (latents) => ({ mean: latents }),
  decode: (latents) => latents,
  prepare(set, count) {
    if (!('latents' in set)) {
      throw new ValueError('train', 'the data have images, expected latents.');
    }
    const { latents, shape } = set;
    const size = shape[0] * shape[1] * shape[2];
    return Promise.resolve({
      count,
      scale: unitScale(latents.subarray(0, count * size)),
      gather(indices) {
        checkIndices('train', indices, set.count);
        const rows = gatherRows(latents, size, indices, new Float32Array(indices.length * size));
        return { mean: tensor(rows, { shape: [indices.length, ...shape] }) };
      },
    });
  },
};

/** 1 / standard deviation of all values, as `encodeLatents` measures it. Throws a ValueError if all are the same. */
function unitScale(values: GivenLatents['latents']): number {
  let mean = 0;
  for (const value of values) mean += value / values.length;
  let variance = 0;
  for (const value of values) variance += (value - mean) ** 2 / values.length;
  if (variance > 0) return 1 / Math.sqrt(variance);
  throw new ValueError(
    'train',
    `all values of the latents are ${mean}, so there is nothing to learn.`,
  );
}
