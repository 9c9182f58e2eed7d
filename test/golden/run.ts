/** The entry of `npm run golden -- DIR`. */

import { goldenCommand } from './golden-command.ts';

process.exitCode = await goldenCommand(process.argv.slice(2), {
  line: (text) => process.stdout.write(`${text}\n`),
  error: (text) => process.stderr.write(`${text}\n`),
});
