// The options of `tessera export`.

import type { Command } from 'commander';
import { ONNX_PARTS, type OnnxPart } from '../../exchange/onnx/parts.ts';
import * as read from '../arguments.ts';

/** What runs are exported to. */
const TARGETS = ['onnx'] as const;

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
}

/** The actions of the command. */
export interface ExchangeActions {
  export(args: ExportArguments): Promise<void>;
}

/** Describes the command. */
export function addExchange(program: Command, actions: ExchangeActions): void {
  program
    .command('export')
    .description('write a run for other programs: onnx is a model that onnxruntime and others run')
    .option('--run <folder>', `folder of the run ${read.defaultsTo('the shipped weights')}`)
    .requiredOption('--to <format>', TARGETS.join(', '), read.oneOf(TARGETS))
    .requiredOption('--out <path>', 'the file to write')
    .option(
      '--what <part>',
      `the part of the run: ${ONNX_PARTS.join(', ')}; step is one of its training`,
      read.oneOf(ONNX_PARTS),
    )
    .option(
      '--batch <n>',
      `latents or images that a model takes at once ${read.defaultsTo('1')}`,
      read.positiveCount,
    )
    .option(
      '--condition <list>',
      `what a denoiser is told, as in label,text ${read.defaultsTo('all that its run has')}`,
      read.nameList,
    )
    .action((args: ExportArguments) => actions.export(args));
}
