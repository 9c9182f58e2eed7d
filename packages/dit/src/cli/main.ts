// The entry of the `tessera` command, which loads what a command needs when it runs.

import { readFileSync } from 'node:fs';
import { exitCodeOf, ignoreClosedPipe } from './fail.ts';
import { createProgram } from './program.ts';

ignoreClosedPipe(process.stdout);
ignoreClosedPipe(process.stderr);

/** Exit code after `tessera learn` if an answer does not pass. */
const ANSWERS_FAIL = 1;

const manifest = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { readonly version: string };

let allPass = true;
const program = createProgram(manifest.version, {
  train: async (args) => {
    const { trainCommand } = await import('./train/train-command.ts');
    await trainCommand(args);
  },
  settings: async (args) => {
    const { settingsCommand } = await import('./train/train-command.ts');
    settingsCommand(args, (line) => process.stdout.write(`${line}\n`));
  },
  sample: async (args) => {
    const { sampleCommand } = await import('./sample/sample-command.ts');
    await sampleCommand(args);
  },
  inspect: async (args) => {
    const { inspectCommand } = await import('./inspect-command.ts');
    await inspectCommand(args, (line) => process.stdout.write(`${line}\n`));
  },
  evaluate: async (args) => {
    const { evaluateCommand } = await import('./evaluate-command.ts');
    await evaluateCommand(args, (line) => process.stdout.write(`${line}\n`));
  },
  ruler: async (args) => {
    const { rulerCommand } = await import('./ruler-command.ts');
    await rulerCommand(args);
  },
  report: async (args) => {
    const { reportCommand } = await import('./report/report-command.ts');
    await reportCommand(args, (line) => process.stdout.write(`${line}\n`));
  },
  replay: async (args) => {
    const { replayCommand } = await import('./report/replay-command.ts');
    await replayCommand(args, (line) => process.stdout.write(`${line}\n`));
  },
  studio: async (args) => {
    const { studioCommand } = await import('./studio/studio-command.ts');
    await studioCommand(args, (line) => process.stdout.write(`${line}\n`));
  },
  scale: async (args) => {
    const { scaleCommand } = await import('./scale/scale-command.ts');
    await scaleCommand(args, (line) => process.stdout.write(`${line}\n`));
  },
  export: async (args) => {
    const { exportCommand } = await import('./exchange/export-command.ts');
    await exportCommand(args, (line) => process.stdout.write(`${line}\n`));
  },
  import: async (args) => {
    const { importCommand } = await import('./exchange/pytorch-command.ts');
    await importCommand(args, (line) => process.stdout.write(`${line}\n`));
  },
  learn: async (args) => {
    const { learnCommand } = await import('./learn-command.ts');
    allPass = await learnCommand(args, (line) => process.stdout.write(`${line}\n`));
  },
});

const exitCode = await exitCodeOf(
  () => program.parseAsync(),
  (text) => process.stderr.write(text),
);
process.exitCode = exitCode === 0 && !allPass ? ANSWERS_FAIL : exitCode;
