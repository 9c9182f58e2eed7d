// The rules of a run on pixels: the model sees images as they are, so its sizes are theirs.

import { formatSides, sidesOf } from '../ranges.ts';
import type { CodecRules } from './codec-rules.ts';

/** The rules of the codec `pixels`. */
export const pixelRules: CodecRules = {
  downscaling: () => 1,
  imageShape: ({ model: { inputSize, inChannels } }) => ({
    size: sidesOf(inputSize)[0],
    channels: inChannels === 3 ? 3 : 1,
  }),
  problem({ model: { inputSize, inChannels } }) {
    const [rows, columns] = sidesOf(inputSize);
    if (rows !== columns) {
      return `model.inputSize is ${formatSides(inputSize)}, but the images of codec pixels are square`;
    }
    return inChannels === 1 || inChannels === 3
      ? undefined
      : `model.inChannels is ${inChannels}, but images of codec pixels have 1 channel for grey or 3 for colour`;
  },
  fitted: ({ model }, [inChannels, inputSize]) => ({ model: { ...model, inputSize, inChannels } }),
};
