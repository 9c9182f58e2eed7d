// The tables of a scaling study, its figures and its laws, as the parts of a document.

import { heading, paragraph, table, type Part } from '../report/document.ts';
import { PAPER_MODELS } from './paper.ts';
import { logCostCorrelation, powerLaw, type PowerLaw } from './fit.ts';
import type { Figure } from './figures.ts';
import type { Marks } from './folder.ts';
import { comparedModels, scaledModels, type ModelResult, type ScaleResults } from './results.ts';

/** The document, whose pictures lie beside it under their names. */
export function documentOf(results: ScaleResults, figures: readonly Figure[]): readonly Part[] {
  const { plan, models, missing } = results;
  const compared = comparedModels(plan, models);
  return [
    heading(1, 'Quality against size, patches and compute'),
    paragraph(recipeText(results)),
    ...(missing.length === 0 ? [] : [paragraph(`Not finished: ${missing.join(', ')}.`)]),
    heading(2, 'Sizes and patches'),
    modelTable(scaledModels(plan, models)),
    ...(compared.length === 0 ? [] : [heading(2, 'Designs'), modelTable(compared)]),
    heading(2, 'What is fitted'),
    ...lawTexts(results).map(paragraph),
    heading(2, 'Figures'),
    ...figures.map(({ name, title }): Part => ({
      kind: 'picture',
      title,
      source: { kind: 'file', path: `${name}.png` },
    })),
    heading(2, 'Where this differs from the paper'),
    differences(results),
  ];
}

/** One paragraph about the recipe. */
function recipeText({ plan: { config, samples }, marks }: ScaleResults): string {
  const { steps, batch, optimizer, diffusion, sampling, data, backend, autoencoder } = config;
  return [
    `All models see latents of one autoencoder of ${autoencoder.steps} steps, of ${data}: ${steps} steps of ${batch} latents at a constant learning rate of ${optimizer.learningRate}, objective ${diffusion.objective}, backend ${backend}.`,
    `Each look draws ${samples} samples with the averaged weights, ${sampling.steps} steps of ${sampling.sampler} without guidance, and measures their Fréchet distance (FCD) from all test images in the features of the ruler.`,
    ...(marks === undefined ? [] : [marksText(marks)]),
  ].join(' ');
}

/** What no model should be expected to beat. */
function marksText({ real, rebuilt }: Marks): string {
  return `As many training images have an FCD of ${digits(real.fcd)}, and ${digits(rebuilt.fcd)} once the autoencoder has encoded and decoded them: no model should be expected to beat that.`;
}

const COLUMNS = [
  'model',
  'tokens',
  'parameters',
  'Gflops',
  'training Gflops',
  'steps',
  'FCD',
  'read as asked',
  'precision',
  'recall',
];

/** A row for each model after its last step. */
function modelTable(models: readonly ModelResult[]): Part {
  return table(
    COLUMNS,
    models.map(({ name, tokens, params, gflops, looks }) => {
      const { step, compute, fcd, fcdDeviation, accuracy, precision, recall } =
        looks[looks.length - 1];
      const spread = fcdDeviation === undefined ? '' : ` ± ${digits(fcdDeviation)}`;
      return [
        name,
        String(tokens),
        params.toLocaleString('en-US'),
        gflops.toPrecision(3),
        Math.round(compute).toLocaleString('en-US'),
        String(step),
        `${digits(fcd)}${spread}`,
        `${(100 * accuracy).toFixed(1)} %`,
        precision.toFixed(2),
        recall.toFixed(2),
      ];
    }),
  );
}

/** What is fitted and how well, a paragraph a law; and the same of the paper's own table. */
export function lawTexts({ byGflops, byCompute, plan }: ScaleResults): readonly string[] {
  const paper = PAPER_MODELS.map(({ gflops, fid }) => ({ cost: gflops, value: fid }));
  const paperText = `Of the ${paper.length} models of the paper's table 4, the same two numbers are ${logCostCorrelation(paper).toFixed(2)} (as its figure 8 says), and ${formula('FID', powerLaw(paper))}.`;
  return [
    ...(byGflops === undefined
      ? ['Fewer than three models of several sizes are finished, so no law is fitted.']
      : [
          `FCD after ${plan.config.steps} steps against the Gflops of the model: the correlation of log Gflops with FCD is ${byGflops.correlation.toFixed(2)}. Least squares of log FCD on log Gflops give ${formula('FCD', byGflops.law)}.`,
          paperText,
        ]),
    ...(byCompute === undefined
      ? []
      : [
          `FCD of all looks against training compute: the correlation of log compute with FCD is ${byCompute.correlation.toFixed(2)}, and ${formula('FCD', byCompute.law)}.`,
        ]),
  ];
}

/** A law in words. */
function formula(value: string, { exponent, factor, r2, count }: PowerLaw): string {
  return `${value} = ${factor.toPrecision(3)} · Gflops^${exponent.toFixed(3)} with R² = ${r2.toFixed(2)} over ${count} points`;
}

/** Settings of the study beside those of the paper. */
function differences({ plan: { config, samples } }: ScaleResults): Part {
  const { model, steps, batch, optimizer, sampling } = config;
  const { inputSize, inChannels, numClasses } = model;
  const side = typeof inputSize === 'number' ? [inputSize, inputSize] : inputSize;
  return table(
    ['', 'here', 'paper'],
    [
      ['data', `${config.data}, ${numClasses} classes`, 'ImageNet, 1,000 classes'],
      ['latents', `${side.join('×')}×${inChannels}`, '32×32×4 of images of 256×256'],
      ['training', `${steps} steps of ${batch}`, '400,000 steps of 256'],
      ['learning rate', `${optimizer.learningRate}`, '0.0001'],
      ['objective', `${config.diffusion.objective}, variance not learned`, 'eps, learned variance'],
      [
        'samples',
        `${samples}, ${sampling.steps} steps of ${sampling.sampler}`,
        '50,000, 250 steps of ddpm',
      ],
      ['distance', 'of 84 features of a LeNet of the same data', 'of 2,048 features of Inception'],
    ],
  );
}

/** A distance with as many digits as it is known to, about. */
function digits(value: number): string {
  return value < 10 ? value.toFixed(2) : value.toFixed(1);
}
