// The options of `tessera studio`.

import type { Command } from 'commander';
import * as read from '../arguments.ts';

/** The options of `tessera studio`. */
export interface StudioArguments {
  /** The folder of the run that its pages draw with. Default: the weights that the package ships. */
  readonly run?: string;
  /** 0 takes any free one. Default: 4750, or any free one if that is taken. */
  readonly port?: number;
  readonly open?: boolean;
}

/** What runs it. */
export interface StudioActions {
  studio(args: StudioArguments): Promise<void>;
}

/** The largest number of a port. */
const MOST_PORT = 65_535;

/** Describes the command. */
export function addStudio(program: Command, actions: StudioActions): void {
  program
    .command('studio')
    .description('serve pages on this machine that draw with a model and look inside it')
    .option(
      '--run <folder>',
      `folder of the run that they draw with ${read.defaultsTo('the shipped weights')}`,
    )
    .option(
      '--port <n>',
      `port on 127.0.0.1, 0 for any free one ${read.defaultsTo('4750, or any free one')}`,
      read.wholeNumber(0, MOST_PORT),
    )
    .option('--open', 'open the page in a browser')
    .action((args: StudioArguments) => actions.studio(args));
}
