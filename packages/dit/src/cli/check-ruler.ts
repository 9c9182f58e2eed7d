// The check that a ruler measures runs of these images.

import { ValueError } from '@tessera/tensor';
import { IMAGE_SIZE } from '../config/autoencoder-config.ts';
import { imageShapeOfRun } from '../config/codec/codec-rules.ts';
import type { TrainConfig } from '../config/config.ts';
import type { RulerCard } from '../evaluate/ruler.ts';

/** Throws a ValueError unless the ruler reads images such as those of a run. */
export function checkRuler(card: RulerCard, config: TrainConfig, folder: string): void {
  const { size, channels } = imageShapeOfRun('evaluate', config);
  const option = size === IMAGE_SIZE ? '' : ` --image-size ${size}`;
  const hint = `Make one with \`tessera ruler --data ${config.data}${option} --out FILE\`, and name it by --ruler.`;
  if (card.data !== config.data) {
    const problem = `the ruler was trained on ${card.data}, but ${folder} on ${config.data}.`;
    throw new ValueError('evaluate', `${problem} ${hint}`);
  }
  if (card.side !== size || card.channels !== channels) {
    const problem = `the ruler reads images of ${card.side}×${card.side} and ${card.channels} channels, but those of ${folder} are ${size}×${size} and ${channels}.`;
    throw new ValueError('evaluate', `${problem} ${hint}`);
  }
}
