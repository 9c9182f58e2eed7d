// The options of `tessera export` and `tessera import`.

import type { Command } from 'commander';
import { ONNX_PARTS, type OnnxPart } from '../../exchange/onnx/parts.ts';
import * as read from '../arguments.ts';

/** What runs are exported to. */
const TARGETS = ['onnx', 'pytorch', 'pt', 'diffusers'] as const;

/** One of {@link TARGETS}. */
export type Target = (typeof TARGETS)[number];

/** The options of `tessera export`. */
export interface ExportArguments {
  readonly run?: string;
  readonly to: Target;
  readonly out: string;
  readonly what?: OnnxPart;
  readonly batch?: number;
  readonly condition?: readonly string[];
  readonly skipBad?: boolean;
}

/** The argument and the option of `tessera import`. */
export interface ImportArguments {
  readonly file: string;
  readonly out: string;
  /** The folder of a run with the same model. */
  readonly like?: string;
}

/** The actions of both commands. */
export interface ExchangeActions {
  export(args: ExportArguments): Promise<void>;
  import(args: ImportArguments): Promise<void>;
}

/** Describes both commands. */
export function addExchange(program: Command, actions: ExchangeActions): void {
  program
    .command('export')
    .description(
      'write a run for other programs: onnx is a model that onnxruntime and others run; pytorch goes on with its training under torchrun; pt holds the averaged weights alone, as torch.save writes them, and diffusers as its folders do',
    )
    .option(
      '--run <folder>',
      `folder of the run, for pytorch one with a saved state ${read.defaultsTo('for onnx and pt the shipped weights')}`,
    )
    .requiredOption('--to <format>', TARGETS.join(', '), read.oneOf(TARGETS))
    .requiredOption(
      '--out <path>',
      'the file to write; for pytorch and diffusers a new or empty folder',
    )
    .option(
      '--what <part>',
      `the part of the run, for onnx: ${ONNX_PARTS.join(', ')}; step is one of its training`,
      read.oneOf(ONNX_PARTS),
    )
    .option(
      '--batch <n>',
      `latents or images that a model takes at once, for onnx ${read.defaultsTo('1')}`,
      read.positiveCount,
    )
    .option(
      '--condition <list>',
      `what a denoiser is told, as in label,text, for onnx ${read.defaultsTo('all that its run has')}`,
      read.nameList,
    )
    .option('--skip-bad', 'leave out bad files of the data, for pytorch')
    .action((args: ExportArguments) => actions.export(args));

  program
    .command('import')
    .description('make a run of a checkpoint that train.py of an export wrote, or of weights alone')
    .argument(
      '<file>',
      'the checkpoint.safetensors; or weights, a .pt or .safetensors file or a folder of diffusers',
    )
    .requiredOption('--out <folder>', 'new or empty folder of the run')
    .option(
      '--like <run>',
      'folder of a run with the same model, for weights alone: its configuration and autoencoder are taken over',
    )
    .action((file: string, args: Omit<ImportArguments, 'file'>) =>
      actions.import({ ...args, file }),
    );
}
