// The options of `tessera report` and `tessera replay`.

import type { Command } from 'commander';
import { BACKENDS, type BackendName } from '../../config/choices.ts';
import * as read from '../arguments.ts';

/** The options of `tessera report`. */
export interface ReportArguments {
  readonly run: string;
  readonly against?: string;
  /** The file to write, in place of `report.html` in the folder of the run. */
  readonly out?: string;
}

/** The argument and the option of `tessera replay`. */
export interface ReplayArguments {
  readonly file: string;
  readonly backend?: BackendName;
}

/** The actions of both commands. */
export interface ReportActions {
  report(args: ReportArguments): Promise<void>;
  replay(args: ReplayArguments): Promise<void>;
}

/** Describes both commands. */
export function addReports(program: Command, actions: ReportActions): void {
  program
    .command('report')
    .description(
      'write what a training tells: what is odd, curves, modules, samples, scores, settings',
    )
    .requiredOption('--run <folder>', 'folder of the run, finished or not')
    .option('--against <folder>', 'a run to compare with: its curves, and the settings that differ')
    .option(
      '--out <file>',
      `file to write, .html or .md ${read.defaultsTo('report.html in the folder of the run')}`,
    )
    .action((args: ReportArguments) => actions.report(args));

  program
    .command('replay')
    .description('repeat a training step that went wrong, and say which operation made NaN of what')
    .argument('<file>', 'the anomaly.safetensors that a training wrote')
    .option(
      '--backend <name>',
      `${BACKENDS.join(', ')} ${read.defaultsTo('as in the run')}`,
      read.oneOf(BACKENDS),
    )
    .action((file: string, args: Omit<ReplayArguments, 'file'>) =>
      actions.replay({ ...args, file }),
    );
}
