// The entry of the `tessera` command, which loads what a command needs when it runs.

import { readFileSync } from 'node:fs';
import { exitCodeOf, ignoreClosedPipe } from './fail.ts';
import { createProgram } from './program.ts';

ignoreClosedPipe(process.stdout);
ignoreClosedPipe(process.stderr);

const manifest = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { readonly version: string };

const program = createProgram(manifest.version, {
  train: async (args) => {
    const { trainCommand } = await import('./train-command.ts');
    await trainCommand(args);
  },
  sample: async (args) => {
    const { sampleCommand } = await import('./sample-command.ts');
    await sampleCommand(args);
  },
});

process.exitCode = await exitCodeOf(
  () => program.parseAsync(),
  (text) => process.stderr.write(text),
);
