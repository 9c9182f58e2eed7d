// `npm run bench:peers`: Tessera beside the libraries that others would pick.

import { CommanderError } from 'commander';
import { parseOptions } from './compare/arguments.ts';
import { compare } from './compare/compare.ts';

/** Exit code after bad input. */
const BAD_INPUT = 2;

try {
  await compare(parseOptions(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Commander has said what is wrong.
  process.exitCode = error.exitCode === 0 ? 0 : BAD_INPUT;
}
