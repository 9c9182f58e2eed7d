// The model card of weights that a package brings: data, training, figures and limits.

import type { Evaluation } from '@tessera/dit/node';
import type { Shipped, Training } from './folder.ts';

/** The scores of samples that were told some conditions. */
export interface Measured {
  /** Names of the conditions, separated by commas. */
  readonly told: string;
  readonly evaluation: Evaluation;
}

/** A number with commas at its thousands. */
function grouped(value: number): string {
  return value.toLocaleString('en-US');
}

/** What the model is told, in words. */
function toldBy({ model }: Shipped['config']): string {
  const { numClasses, conditions = [] } = model;
  const names = [...(numClasses > 0 ? ['label'] : []), ...conditions.map(({ name }) => name)];
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** One training as an item of a list. */
function trainingItem({ config, folder, minutes }: Training, i: number): string {
  const { steps, batch, autoencoder, from, model, optimizer } = config;
  const file = folder === '.' ? 'config.json' : `${folder}/config.json`;
  const log = folder === '.' ? 'log.jsonl' : `${folder}/log.jsonl`;
  const before =
    from === undefined && autoencoder !== undefined
      ? `the autoencoder, ${grouped(autoencoder.steps)} steps of ${autoencoder.batch} images, and `
      : '';
  const told = model.conditions?.map(({ name, dropoutProb }) => `${name} (${dropoutProb})`) ?? [];
  const dropped = [`label (${model.classDropoutProb})`, ...told].join(', ');
  const what = from === undefined ? 'the model' : 'the model of the training before, told more';
  return [
    `${i + 1}. [\`${file}\`](${file}), [log](${log}): ${before}${what}, ${grouped(steps)} steps of ${batch}`,
    `   latents at a learning rate of ${optimizer.learningRate}; ${minutes.toFixed(0)} minutes of steps. Told, with the probability that each is`,
    `   dropped: ${dropped}${model.jointDropoutProb === undefined ? '' : `; all together: ${model.jointDropoutProb}`}.`,
  ].join('\n');
}

/** The scores as the rows of a table. */
function scoreRows({ told, evaluation }: Measured): string[] {
  return evaluation.guidance.map(({ guidance, accuracy, fcd, precision, recall, copies }) => {
    const share = (mean: number | undefined): string =>
      mean === undefined || Number.isNaN(mean) ? '–' : `${(100 * mean).toFixed(1)} %`;
    const cells = [
      told,
      String(guidance),
      grouped(evaluation.samples),
      share(accuracy?.mean),
      fcd.mean.toFixed(2),
      precision.mean.toFixed(3),
      recall.mean.toFixed(3),
      share(copies.mean),
    ];
    return `| ${cells.join(' | ')} |`;
  });
}

/** The figures, or how to get some. */
function figures(measured: readonly Measured[]): string {
  const [first] = measured;
  if (first === undefined) return 'Not measured yet: `npm run weights -- --run DIR --evaluate`.';
  const { marks, autoencoder } = first.evaluation;
  const floor =
    autoencoder === undefined
      ? ''
      : ` Test images that the autoencoder rebuilds have ${autoencoder.fcd.toFixed(2)}.`;
  return [
    'Of samples with the settings of [`config.json`](config.json), in these weights, by `tessera evaluate --told …`;',
    'whole in `evaluation-….json`:',
    '',
    '| told | guidance | samples | read as asked | FCD | precision | recall | copies |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...measured.flatMap(scoreRows),
    '',
    `FCD is the squared Fréchet distance from the test images in the features of the LeNet that comes along. As many`,
    `training images have ${marks.floor.toFixed(2)}, and noise ${marks.ceiling.toFixed(0)}.${floor} The LeNet reads`,
    `${(100 * marks.accuracy).toFixed(1)} % of the test images as their label. Copies: samples nearer to a training image than 1 % of the test images are.`,
  ].join('\n');
}

/** The text of the card. */
export function cardText(
  { config, weights, bytes, trainings }: Shipped,
  measured: readonly Measured[],
): string {
  const { model, sampling, diffusion } = config;
  const { hiddenSize, depth, numHeads, patchSize, design } = model;
  return `# Weights of handwritten digits

A Diffusion Transformer with its autoencoder, trained on MNIST by Tessera. It is told ${toldBy(config)}, each alone or
several together. \`tessera sample\` draws with it where no \`--run\` is named, and \`readRun()\` of \`@tessera/dit/node\`
reads it. A page fetches the files of this folder, and gives them to \`loadRun\` of \`@tessera/dit\`.

- **Model**: ${depth} blocks of the design ${design}, width ${hiddenSize}, ${numHeads} heads, patches of ${patchSize}×${patchSize} latent pixels; it predicts
  ${diffusion.objective}. With the autoencoder it has ${grouped(weights)} numbers, in half precision: ${grouped(bytes)} bytes. \`SHA256SUMS\` has the
  checksums, which \`readRun\` checks.
- **Samples**: 28×28 digits in a margin of black, grey, ${sampling.steps} steps of ${sampling.sampler} at guidance ${sampling.guidance}.

## Training

On the 60,000 training images of MNIST, in WebAssembly on two threads:

${trainings.map(trainingItem).join('\n')}

Captions and depth maps are made from the images and their labels, as \`captionOf\` and \`conditionMap\` do. Some
combinations of digit, thickness and slant are held out of the captions (\`heldOutCombinations\`).

## Figures

${figures(measured)}

## Limits

It draws digits as 1990s American census workers and pupils wrote them, and nothing else. Captions are of the kind “a
thick seven leaning right”: digit, thickness and slant; other words are read letter by letter, and say nothing to it. It
is made to learn from and to try Tessera with. Do not use it to fake somebody's handwriting.

## Licence

The weights have Tessera's licence, MIT. MNIST is by Yann LeCun, Corinna Cortes and Christopher Burges, made of databases
of NIST. LeCun and Cortes hold its copyright; by the
[documentation of TensorFlow](https://www.tensorflow.org/api_docs/python/tf/keras/datasets/mnist/load_data) its licence is
CC BY-SA 3.0. No image of it is in these files.

Made by \`npm run weights\`.
`;
}
