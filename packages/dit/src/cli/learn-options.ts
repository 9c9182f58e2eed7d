// The argument and the options of `tessera learn`.

import type { Command } from 'commander';
import * as read from './arguments.ts';

/** The argument and the options of `tessera learn`. */
export interface LearnArguments {
  /** The number of a chapter; without one, the chapters are listed. */
  readonly chapter?: number;
  /** The file of the answers, in place of `learn-N.mjs`. */
  readonly file?: string;
  readonly hints?: boolean;
}

/** The action of the command. */
export interface LearnActions {
  learn(args: LearnArguments): Promise<void>;
}

/** Describes the command. */
export function addLearn(program: Command, actions: LearnActions): void {
  program
    .command('learn')
    .description(
      'exercises of the tour: write a file for answers, or check it (exit code 1: not all pass)',
    )
    .argument(
      '[chapter]',
      `chapter from 1 to ${read.CHAPTERS}, or none to list them`,
      read.chapterNumber,
    )
    .option(
      '--file <file>',
      `file of the answers ${read.defaultsTo('learn-N.mjs')}`,
      read.modulePath,
    )
    .option('--hints', 'show a hint below each answer that does not pass')
    .action((chapter: number | undefined, args: Omit<LearnArguments, 'chapter'>) =>
      actions.learn({ ...args, ...(chapter !== undefined && { chapter }) }),
    );
}
