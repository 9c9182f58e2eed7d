// `tessera sample`: from options to a picture.

import { ValueError } from '@tessera/tensor';
import { isFlowObjective, samplersOf, type Objective } from '../../config/choices.ts';
import { notYetTrained } from '../../config/codec/codec-rules.ts';
import type { TrainConfig } from '../../config/config.ts';
import { captionOf, heldOutCombinations } from '../../data/measures/captions.ts';
import {
  changedBy,
  MAP_GUIDANCE,
  samplingOf,
  type SamplingConfig,
} from '../../config/diffusion-config.ts';
import { readRunConfig, SHIPPED_RUN } from '../../run/run-folder.ts';
import { formatGuidance } from '../../sample/guidance-scales.ts';
import type { SampleOptions } from '../../sample/options.ts';
import { checkWays } from '../../sample/ways.ts';
import { onInterrupt } from '../interrupt.ts';
import { createProgress } from '../progress.ts';
import { shippedNotice } from '../shipped-notice.ts';
import { wayOptions } from './asked-ways.ts';
import type { SampleArguments } from './sample-options.ts';

/**
 * Takes options that the command line leaves out from the run's configuration, and checks the others
 * against it.
 *
 * @throws ValueError if the run is not trained to its end, or does not fit the labels, the guidance or the
 *   steps
 */
export function completeSampleOptions(args: SampleArguments, config: TrainConfig): SampleOptions {
  const { numClasses, classDropoutProb } = config.model;
  const { text } = args;
  const { timesteps } = config.diffusion;
  if (config.latentScale === undefined) {
    throw new ValueError(
      'sample',
      `--run ${args.run ?? SHIPPED_RUN}: the run ${notYetTrained(config)}. Train it to its end first, or name another.`,
    );
  }
  const openLabel = isLabelOpen(args, config);
  const {
    labels: named = openLabel ? (text ?? ['']).map(() => 0) : defaultLabels(config, text),
    guidance: asked = config.sampling.guidance,
    ...rest
  } = args;
  const [guidance, scales] =
    typeof asked === 'number' ? [asked, undefined] : [config.sampling.guidance, asked];
  const sampling = changedBy(config.sampling, { ...samplingOf(rest), guidance });
  const { steps } = sampling;
  const labels = labelNumbers('--labels', named, config);
  if (numClasses === 0 && labels.some((label) => label > 0)) {
    throw new ValueError(
      'sample',
      `--labels ${labels.join(',')}: this run knows no labels. Leave --labels out.`,
    );
  }
  const unknown = labels.find((label) => label >= Math.max(1, numClasses));
  if (unknown !== undefined) {
    throw new ValueError(
      'sample',
      `--labels ${labels.join(',')}: there is no class ${unknown}, expected 0 to ${numClasses - 1}. Leave --labels out for every class.`,
    );
  }
  if (steps > timesteps) {
    throw new ValueError(
      'sample',
      `--steps ${steps}: expected at most the ${timesteps} timesteps of this run. Choose fewer.`,
    );
  }
  if (text !== undefined && text.length !== labels.length) {
    throw new ValueError(
      'sample',
      `--text: there are ${text.length} texts for ${labels.length} labels, and each row has one of both. Name as many by --labels.`,
    );
  }
  checkMapGuidance(args, config);
  checkGuidance(args, config);
  if ((guidance !== 1 || scales !== undefined) && classDropoutProb === 0 && numClasses > 0) {
    throw new ValueError(
      'sample',
      `--guidance ${formatGuidance(guidance, scales)}: expected 1, because this run was trained without a null class (model.classDropoutProb is 0). Use --guidance 1.`,
    );
  }
  checkSampler(sampling, config.diffusion.objective);
  checkInterval(sampling, timesteps);
  const { run, seed, out, shard, merge, backend, ema, controlScale } = args;
  checkControl(controlScale, config);
  const options: SampleOptions = {
    ...sampling,
    ...(run !== undefined && { run }),
    labels,
    ...(openLabel && { openLabel }),
    seed,
    out,
    ...(shard !== undefined && { shard }),
    ...(merge !== undefined && { merge }),
    ...wayOptions(args, (option, own) => labelNumbers(option, own, config)),
    ...conditionOptions(args, config),
    ...(scales !== undefined && { scales }),
    ...(controlScale !== undefined && { controlScale }),
    ...(backend !== undefined && { backend }),
    ...(ema !== undefined && { ema }),
  };
  checkWays(options, config);
  return options;
}

/**
 * Whether texts or maps alone say what is drawn: no label is named, on the way neither, and the model can be told
 * none.
 */
function isLabelOpen(
  { labels, text, depth, sketch, lowres, toLabels, fromLabel }: SampleArguments,
  { model }: TrainConfig,
): boolean {
  const tellsMore = (text ?? depth ?? sketch ?? lowres) !== undefined;
  const named = labels ?? toLabels ?? fromLabel;
  return tellsMore && named === undefined && model.numClasses > 0 && model.classDropoutProb > 0;
}

/**
 * The numbers of labels that are names of classes, or numbers. Where classes have numbers for names, a number is such
 * a name.
 */
function labelNumbers(
  option: string,
  labels: readonly (number | string)[],
  { classNames = [] }: TrainConfig,
): number[] {
  return labels.map((label) => {
    const named = classNames.indexOf(String(label));
    if (named !== -1) return named;
    if (typeof label === 'number') return label;
    const known = classNames.length === 0 ? 'no names' : classNames.slice(0, 20).join(', ');
    throw new ValueError(
      'sample',
      `${option} ${labels.join(',')}: there is no class '${label}'. The classes of this run have ${classNames.length === 0 ? known : `the names ${known}`}.`,
    );
  });
}

/** Every class; without classes, class 0 for each text that is asked for, or that the model draws by itself. */
function defaultLabels({ model }: TrainConfig, texts: readonly string[] | undefined): number[] {
  const { numClasses, conditions = [] } = model;
  if (texts !== undefined && numClasses === 0) return texts.map(() => 0);
  if (numClasses > 0) return Array.from({ length: numClasses }, (_, label) => label);
  return conditions.some(({ kind }) => kind === 'text') ? DEFAULT_TEXTS.map(() => 0) : [0];
}

/** What a model that reads text draws if it is told nothing. */
const DEFAULT_TEXTS = heldOutCombinations().map(({ digit, ...words }) => captionOf(digit, words));

/** The options of conditions beside the label. */
function conditionOptions(
  { text, negative, thickness, slant, depth, sketch, lowres }: SampleArguments,
  { model }: TrainConfig,
): Partial<SampleOptions> {
  const given = <T>(values: Readonly<Record<string, T | undefined>>): Record<string, T> =>
    Object.fromEntries(
      Object.entries(values).filter((entry): entry is [string, T] => entry[1] !== undefined),
    );
  const maps = given({ depth, sketch, lowres });
  const numbers = given({ thickness, slant });
  const reads = (model.conditions ?? []).some(({ kind }) => kind === 'text');
  const texts = text ?? (reads && model.numClasses === 0 ? DEFAULT_TEXTS : undefined);
  return {
    ...(texts !== undefined && { texts }),
    ...(negative !== undefined && { negative }),
    ...(Object.keys(maps).length > 0 && { maps }),
    ...(Object.keys(numbers).length > 0 && { numbers }),
  };
}

/** Throws a ValueError for guidance of a flow map, which got it in training. */
function checkMapGuidance(
  { guidance, guidanceInterval, guidanceRescale, negative }: SampleArguments,
  { diffusion }: TrainConfig,
): void {
  if (diffusion.objective !== 'mean-flow') return;
  const given = {
    '--guidance': typeof guidance === 'object' ? formatGuidance(1, guidance) : guidance,
    '--guidance-interval': guidanceInterval?.join(','),
    '--guidance-rescale': guidanceRescale,
    '--negative': negative,
  };
  const [asked] = Object.entries(given).filter(
    ([name, value]) => value !== undefined && !(name === '--guidance' && value === 1),
  );
  if (asked === undefined) return;
  const { guidance: trained = MAP_GUIDANCE } = diffusion;
  throw new ValueError(
    'sample',
    `${asked[0]} ${asked[1]}: this run is a flow map, which was trained with guidance ${trained} and takes no other. Leave it out.`,
  );
}

/** Throws a ValueError for a scale of branches that a model does not have. */
function checkControl(scale: number | undefined, { model }: TrainConfig): void {
  if (scale === undefined || model.conditions?.some(({ kind }) => kind === 'control') === true)
    return;
  throw new ValueError(
    'sample',
    `--control-scale ${scale}: this run has no ControlNet. Leave it out, or train one with --control.`,
  );
}

/** Throws a ValueError for guidance that a model of these conditions does not have. */
function checkGuidance(
  { guidance, guidanceRescale, compat }: SampleArguments,
  { model, sampling }: TrainConfig,
): void {
  const conditions = model.conditions ?? [];
  if (guidance !== undefined && guidance !== 1 && model.numClasses + conditions.length === 0) {
    const given = typeof guidance === 'number' ? String(guidance) : formatGuidance(1, guidance);
    throw new ValueError(
      'sample',
      `--guidance ${given}: this run knows nothing to guide by. Leave --guidance out.`,
    );
  }
  if (conditions.length === 0) return;
  const names = conditions.map(({ name }) => name).join(', ');
  const rescale = guidanceRescale ?? sampling.guidanceRescale ?? 0;
  if (rescale > 0) {
    throw new ValueError(
      'sample',
      `--guidance-rescale ${rescale}: it goes with labels alone, but this run knows ${names}. Use --guidance-rescale 0.`,
    );
  }
  if ((compat ?? sampling.compat) === 'official') {
    throw new ValueError(
      'sample',
      `--compat official: it goes with labels alone, but this run knows ${names}. Use --compat fixed.`,
    );
  }
}

/** Throws a ValueError unless the objective has the sampler, and the sampler has its options. */
function checkSampler({ sampler, eta, spacing }: SamplingConfig, objective: Objective): void {
  const known = samplersOf(objective);
  if (!known.includes(sampler)) {
    throw new ValueError(
      'sample',
      `--sampler ${sampler}: this run predicts ${objective}, which goes with ${known.join(', ')}. Choose one of them.`,
    );
  }
  if (eta !== undefined && sampler !== 'ddim') {
    throw new ValueError(
      'sample',
      `--eta ${eta}: the sampler ${sampler} has no eta. Leave it out, or use --sampler ddim.`,
    );
  }
  if (spacing !== undefined && isFlowObjective(objective)) {
    throw new ValueError(
      'sample',
      `--spacing ${spacing}: this run is a flow, which has no timesteps to choose from. Leave it out.`,
    );
  }
}

/** Throws a ValueError unless the guided timesteps are some of the run's. */
function checkInterval({ guidanceInterval }: SamplingConfig, timesteps: number): void {
  if (guidanceInterval === undefined || guidanceInterval[1] <= timesteps) return;
  throw new ValueError(
    'sample',
    `--guidance-interval ${guidanceInterval.join(',')}: expected timesteps from 0 to the ${timesteps} of this run. End it at ${timesteps}.`,
  );
}

/** Draws with these options, and shows the progress. */
export async function sampleCommand(args: SampleArguments): Promise<void> {
  const config = await readRunConfig(args.run ?? SHIPPED_RUN);
  const options = completeSampleOptions(args, config);
  const { sampleRun } = await import('../../sample/sample-run.ts');
  const progress = createProgress();
  if (args.run === undefined) progress.notice(shippedNotice(config));
  const restore = onInterrupt(progress, () => 'Stopped. Nothing has been written.');
  let staged = false;
  let file: string;
  try {
    file = await sampleRun({
      ...options,
      onNotice: (text) => {
        progress.notice(text);
      },
      onProgress: ({ step, totalSteps }) => {
        if (!staged) progress.stage('sampling', totalSteps);
        staged = true;
        progress.step(step, []);
      },
    });
  } finally {
    restore();
    progress.stop();
  }
  process.stdout.write(`Samples: ${file}\n`);
  if (options.film !== undefined) process.stdout.write(`Film: ${options.film.file}\n`);
}
