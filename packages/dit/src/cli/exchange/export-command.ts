// `tessera export`: checks that the options go with the format, and writes it.

import { ValueError } from '@tessera/tensor';
import type { ExportArguments, Target } from './exchange-options.ts';

/** Writes a run in one format, and says so by `print`, a line at a time. */
type Export = (args: ExportArguments, print: (line: string) => void) => Promise<void>;

/** What writes each format, loaded when it is asked for. */
const EXPORTS: Readonly<Record<Target, () => Promise<Export>>> = {
  onnx: async () => (await import('./onnx-command.ts')).exportOnnx,
  pytorch: async () => (await import('./pytorch-command.ts')).exportPytorch,
  diffusers: async () => (await import('./weights-command.ts')).exportDiffusers,
  pt: async () => (await import('./weights-command.ts')).exportPt,
};

/** Options that belong to one format. */
const OWN: Readonly<Record<string, Target>> = {
  what: 'onnx',
  batch: 'onnx',
  condition: 'onnx',
  skipBad: 'pytorch',
};

/**
 * Exports a run.
 *
 * @param print writes one line to stdout
 * @throws ValueError for an option of another format
 */
export async function exportCommand(
  args: ExportArguments,
  print: (line: string) => void,
): Promise<void> {
  const alien = Object.keys(args).find((name) => (OWN[name] ?? args.to) !== args.to);
  if (alien !== undefined) {
    const option = alien === 'skipBad' ? 'skip-bad' : alien;
    throw new ValueError('export', `--${option} does not go with --to ${args.to}. Leave it out.`);
  }
  const run = await EXPORTS[args.to]();
  await run(args, print);
}
