// The options of `tessera report`.

import type { Command } from 'commander';
import * as read from '../arguments.ts';

/** The options of `tessera report`. */
export interface ReportArguments {
  readonly run: string;
  readonly against?: string;
  /** The file to write, in place of `report.html` in the folder of the run. */
  readonly out?: string;
}

/** The action of the command. */
export interface ReportActions {
  report(args: ReportArguments): Promise<void>;
}

/** Describes the command. */
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
}
