// `tessera train`: from options to a run; `tessera settings`: what there is to set.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ValueError } from '@tessera/tensor';
import { DEFAULT_PRESET, isFlowObjective } from '../../config/choices.ts';
import { parseTrainConfig, type TrainConfig } from '../../config/config.ts';
import { dataOf } from '../../data/mnist.ts';
import {
  changedDiffusion,
  changedSampling,
  presetConfig,
  warmupSteps,
} from '../../config/presets.ts';
import { fieldOf, settings, withSettings } from '../../config/settings.ts';
import {
  chooseRunFolder,
  readRunConfig,
  readTrainConfig,
  RUN_FILES,
} from '../../run/run-folder.ts';
import { trainingHours } from '../../train/cost.ts';
import { evaluationsOf } from './evaluations.ts';
import { configFromRun } from './from-run.ts';
import type { SettingsArguments, TrainArguments } from '../program.ts';
import { showTraining } from './training.ts';

/** A run that will take longer than this is announced. */
const LONG_HOURS = 0.5;

/** One sentence about a run that will take long; `undefined` for a short one. */
export function longRunNotice(config: TrainConfig): string | undefined {
  const hours = trainingHours(config);
  if (hours === undefined || hours < LONG_HOURS) {
    return undefined;
  }
  const time = hours < 1.5 ? 'an hour' : `${Math.round(hours)} hours`;
  const hint =
    config.preset === 'smoke' ? 'fewer --steps finish sooner' : '--preset smoke takes minutes';
  return `This run (preset ${config.preset}) will take about ${time} on the ${config.backend} backend; ${hint}.`;
}

/** The options of `tessera train` that its configuration has. */
type ConfigArguments = Omit<
  TrainArguments,
  | 'out'
  | 'cache'
  | 'imageSize'
  | 'imageChannels'
  | 'skipBad'
  | 'resume'
  | 'saveEvery'
  | 'keep'
  | 'evaluateEvery'
  | 'evaluateSamples'
  | 'ruler'
>;

/** The flags that are short for a setting. */
type SettingFlag = 'optimizer' | 'lrSchedule' | 'ema' | 'sampleEvery' | 'logEvery';

/** The configuration of these options: a preset or a file, with their changes, those of `--set` last. */
export async function trainConfig({ set = [], ...args }: ConfigArguments): Promise<TrainConfig> {
  const { optimizer, lrSchedule, ema, sampleEvery, logEvery, ...others } = args;
  const flags = {
    'optimizer.name': optimizer,
    'optimizer.schedule': lrSchedule,
    'optimizer.emaDecays': ema === undefined ? undefined : JSON.stringify(ema),
    sampleEvery,
    logEvery,
  };
  const named = Object.entries(flags).flatMap(([path, value]) =>
    value === undefined ? [] : [`${path}=${value}`],
  );
  return withSettings(await startConfig(others), [...named, ...set]);
}

/** The configuration of all options but `--set` and those that are short for it. */
async function startConfig(args: Omit<ConfigArguments, 'set' | SettingFlag>): Promise<TrainConfig> {
  const {
    preset = DEFAULT_PRESET,
    config: file,
    data,
    condition: conditions,
    pixels,
    from,
    control,
    ...rest
  } = args;
  const named = { ...rest, ...(data !== undefined && { data: dataOf(data) }) };
  const started = await configFromRun(
    {
      ...(from !== undefined && { from }),
      ...(control !== undefined && { control }),
      ...(conditions !== undefined && { condition: conditions }),
    },
    named,
  );
  if (started !== undefined) return started;
  if (file === undefined) {
    const all = {
      ...named,
      ...(conditions !== undefined && { conditions }),
      ...(pixels !== undefined && { pixels }),
    };
    return checkedSchedule(args, presetConfig(preset, all));
  }
  // The run trains a new autoencoder, or takes other data, so the scale of its latents is not known yet.
  const { latentScale: _, classNames, ...config } = await readTrainConfig(file);
  const { objective: _o, schedule: _s, timestepSampling: _t, weighting: _w, ...changes } = named;
  const diffusion = changedDiffusion(config.diffusion, named);
  const sampling = changedSampling(
    config.sampling,
    diffusion.objective,
    config.diffusion.objective,
  );
  const optimizer = { ...config.optimizer };
  if (changes.steps !== undefined) {
    optimizer.warmupSteps = Math.min(optimizer.warmupSteps, warmupSteps(changes.steps));
  }
  // Other data have other classes.
  const names = data === undefined && classNames !== undefined && { classNames };
  const changed = { ...config, ...names, ...changes, diffusion, sampling, optimizer };
  return checkedSchedule(args, parseTrainConfig(changed, file));
}

/** Refuses a named schedule where the objective has none. */
function checkedSchedule(
  { schedule }: Pick<TrainArguments, 'schedule'>,
  config: TrainConfig,
): TrainConfig {
  const { objective } = config.diffusion;
  if (schedule === undefined || !isFlowObjective(objective)) return config;
  throw new ValueError(
    'train',
    `--schedule ${schedule}: the objective ${objective} has no noise schedule. Leave it out, or choose another --objective.`,
  );
}

/** Trains with these options, or goes on with a run, and shows the progress. */
export async function trainCommand(all: TrainArguments): Promise<void> {
  const out = await (all.resume === undefined ? startRun(all) : goOn(all.resume, all));
  const pictures = { Samples: RUN_FILES.samples, 'Loss curve': RUN_FILES.lossCurve };
  for (const [title, file] of Object.entries(pictures)) {
    const path = join(out, file);
    if (existsSync(path)) process.stdout.write(`${title}: ${path}\n`);
  }
}

/** Trains a new run. */
async function startRun(all: TrainArguments): Promise<string> {
  const {
    out: named,
    cache,
    saveEvery,
    keep,
    evaluateEvery: _every,
    evaluateSamples: _samples,
    ruler: _ruler,
    resume: _,
    imageSize,
    imageChannels,
    skipBad,
    ...args
  } = all;
  const dataOptions = {
    ...(imageSize !== undefined && { imageSize }),
    ...(imageChannels !== undefined && { imageChannels }),
    ...(skipBad !== undefined && { skipBad }),
  };
  const start = await trainConfig(args);
  // A taken folder is refused before the data are read.
  await chooseRunFolder(named);
  const { readFittedRun } = await import('../../train/fit-config.ts');
  const { config, data } = await readFittedRun(start, {
    ...dataOptions,
    needsLabels: args.condition?.includes('label') ?? false,
    // A trained model goes on reading images as it did.
    fits:
      (args.from === undefined || (args.control ?? args.condition) === undefined) &&
      ((args.config ?? args.from) === undefined || args.data !== undefined),
  });
  const evaluations = await evaluationsOf(all, config, data);
  const { train } = await import('../../train/train.ts');
  return showTraining(
    all,
    { hasAutoencoder: config.autoencoder !== undefined, notice: longRunNotice(config) },
    (reports) =>
      train({
        config,
        data,
        ...(named !== undefined && { out: named }),
        ...(evaluations !== undefined && { evaluations }),
        ...(cache !== undefined && { cache }),
        ...(saveEvery !== undefined && { saveEvery }),
        ...(keep !== undefined && { keep }),
        ...reports,
      }),
  );
}

/** The options that go with `--resume`: any other setting is that of the run. */
const RESUME_OPTIONS = [
  'resume',
  'steps',
  'saveEvery',
  'keep',
  'cache',
  'skipBad',
  'evaluateEvery',
  'evaluateSamples',
  'ruler',
];

/** Goes on with a run. */
async function goOn(run: string, all: TrainArguments): Promise<string> {
  const flag = (name: string): string =>
    `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const odd = Object.keys(all).find((name) => !RESUME_OPTIONS.includes(name));
  if (odd !== undefined) {
    throw new ValueError(
      'train',
      `${flag(odd)} does not go with --resume, since a run keeps its settings. Only ${RESUME_OPTIONS.slice(1).map(flag).join(', ')} do.`,
    );
  }
  const { steps, saveEvery, keep, cache, skipBad } = all;
  const config = await readRunConfig(run);
  const { readConfigData } = await import('../../train/run-data.ts');
  const data = await readConfigData(config, skipBad ?? false);
  const evaluations = await evaluationsOf(all, config, data);
  const { resumeRun } = await import('../../train/train.ts');
  return showTraining(all, {}, (reports) =>
    resumeRun({
      run,
      data,
      ...(evaluations !== undefined && { evaluations }),
      ...(steps !== undefined && { steps }),
      ...(saveEvery !== undefined && { saveEvery }),
      ...(keep !== undefined && { keep }),
      ...(cache !== undefined && { cache }),
      ...reports,
    }),
  );
}

/**
 * Lists all settings of a training. One that the preset leaves out has no value, and its default.
 *
 * @param print writes one line to stdout
 */
export function settingsCommand(
  { preset }: SettingsArguments,
  print: (line: string) => void,
): void {
  const config = presetConfig(preset);
  const rows = settings().map(({ path, expected }) => {
    const value = path.split('.').reduce<unknown>((inner, name) => fieldOf(inner, name), config);
    return [path, value === undefined ? '' : JSON.stringify(value), expected];
  });
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column].length)));
  print(
    `The settings of preset ${preset}, for --set path=value (an item of a list: optimizer.betas.0=0.95) and for files of --config:`,
  );
  for (const [path, value, expected] of rows) {
    print(`  ${path.padEnd(widths[0])}  ${value.padEnd(widths[1])}  ${expected}`);
  }
}
