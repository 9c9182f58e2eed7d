// The rules of a run on latents that its data bring along: the model's sizes are theirs.

import { sidesOf } from '../ranges.ts';
import type { CodecRules } from './codec-rules.ts';

/** The greatest number that divides both. */
function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}

/** The rules of the codec `latents`. */
export const latentRules: CodecRules = {
  downscaling: () => 1,
  imageShape({ model: { inputSize, inChannels } }) {
    const [rows, columns] = sidesOf(inputSize);
    const isImage = rows === columns && (inChannels === 1 || inChannels === 3);
    return isImage ? { size: rows, channels: inChannels } : undefined;
  },
  problem: () => undefined,
  // Latents are neither padded nor resized: the patch gives way.
  fitted: ({ model }, [inChannels, rows, columns]) => ({
    model: {
      ...model,
      inputSize: rows === columns ? rows : [rows, columns],
      inChannels,
      patchSize: [rows, columns].reduce(commonDivisor, model.patchSize),
    },
  }),
};
