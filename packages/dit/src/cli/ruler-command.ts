// `tessera ruler`: trains the LeNet that `tessera evaluate` measures with.

import { DEFAULT_BACKEND } from '../config/choices.ts';
import { IMAGE_SIZE } from '../config/autoencoder-config.ts';
import { scalePixels } from '../data/batches.ts';
import { dataOf, loadMnist } from '../data/mnist.ts';
import { fitRuler } from '../evaluate/fit-ruler.ts';
import { padded, shareEqual } from '../evaluate/reference.ts';
import { readImages, saveRuler, type RulerCard } from '../evaluate/ruler.ts';
import { checkWritable } from '../run/atomic-file.ts';
import { withBackend } from '../run/backends.ts';
import type { RulerArguments } from './evaluate-options.ts';
import { createProgress } from './progress.ts';

/** Trains a ruler, tries it on the test images, and writes it. */
export async function rulerCommand(args: RulerArguments): Promise<void> {
  const { out, data, epochs, seed } = args;
  await checkWritable(out);
  const source = dataOf(data);
  const { train, test, classNames } = await loadMnist({ dir: source });
  const progress = createProgress();
  try {
    await withBackend(DEFAULT_BACKEND, async (notice) => {
      if (notice !== undefined) progress.notice(notice);
      const [some, held] = [train, test].map((set) => padded(set, IMAGE_SIZE));
      const classes = 1 + train.labels.reduce((most, label) => Math.max(most, label), 0);
      let totalSteps = 0;
      const lenet = await fitRuler(some, {
        classes,
        epochs,
        seed,
        onProgress: (at) => {
          if (totalSteps === 0) progress.stage('ruler', at.totalSteps);
          totalSteps = at.totalSteps;
          progress.step(at.step, []);
        },
      });
      const card: RulerCard = {
        data: source,
        classes,
        side: IMAGE_SIZE,
        epochs,
        seed,
        accuracy: 0,
      };
      const read = await readImages({ lenet, card }, scalePixels(held.images));
      const accuracy = shareEqual(read.classes, held.labels);
      await saveRuler(out, { lenet, card: { ...card, accuracy } });
      progress.stop();
      const what = classNames === undefined ? 'digits' : 'images';
      process.stdout.write(
        `${out}: reads ${(100 * accuracy).toFixed(2)} % of ${held.count} test ${what}\n`,
      );
    });
  } finally {
    progress.stop();
  }
}
