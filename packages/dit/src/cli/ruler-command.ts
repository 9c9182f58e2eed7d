// `tessera ruler`: trains the LeNet that `tessera evaluate` measures with.

import { DEFAULT_BACKEND, DEFAULT_PRESET } from '../config/choices.ts';
import { imageShapeOfRun } from '../config/codec/codec-rules.ts';
import { presetConfig } from '../config/presets.ts';
import { scalePixels } from '../data/batches.ts';
import { dataOf } from '../data/mnist.ts';
import { fitRuler } from '../evaluate/fit-ruler.ts';
import { labelsOf, shareEqual } from '../evaluate/reference.ts';
import { readImages, saveRuler, type RulerCard } from '../evaluate/ruler.ts';
import { checkWritable } from '../run/atomic-file.ts';
import { withBackend } from '../run/backends.ts';
import { readFittedRun } from '../train/fit-config.ts';
import { fittedData, noImages } from '../train/run-data.ts';
import type { RulerArguments } from './evaluate-options.ts';
import { createProgress } from './progress.ts';

/** Trains a ruler on images as a run of the same data has them, tries it on the test images, and writes it. */
export async function rulerCommand(args: RulerArguments): Promise<void> {
  const { out, data: name, imageSize, epochs, seed } = args;
  await checkWritable(out);
  const source = dataOf(name);
  const { config, data } = await readFittedRun(presetConfig(DEFAULT_PRESET, { data: source }), {
    needsLabels: true,
    fits: true,
    ...(imageSize !== undefined && { imageSize }),
  });
  if (data.kind === 'latents') throw noImages(config);
  const { train, test, notes } = fittedData(config, data);
  const { size: side, channels } = imageShapeOfRun('ruler', config);
  const classes = config.model.numClasses;
  const progress = createProgress();
  try {
    await withBackend(DEFAULT_BACKEND, async (notice) => {
      for (const note of notice === undefined ? notes : [notice, ...notes]) progress.notice(note);
      let started = false;
      const lenet = await fitRuler(
        { ...train, labels: labelsOf(train) },
        {
          classes,
          epochs,
          seed,
          onProgress: ({ step, totalSteps }) => {
            if (!started) progress.stage('ruler', totalSteps);
            started = true;
            progress.step(step, []);
          },
        },
      );
      const card: RulerCard = { data: source, classes, side, channels, epochs, seed, accuracy: 0 };
      const read = await readImages({ lenet, card }, scalePixels(test.images));
      const accuracy = shareEqual(read.classes, labelsOf(test));
      await saveRuler(out, { lenet, card: { ...card, accuracy } });
      progress.stop();
      const percent = (100 * accuracy).toFixed(2);
      process.stdout.write(`${out}: reads ${percent} % of ${test.count} test images\n`);
    });
  } finally {
    progress.stop();
  }
}
