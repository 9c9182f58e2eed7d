// `tessera export --to pt` and `--to diffusers`, and `tessera import --like`: weights alone.

import { saveDiffusers } from '../../exchange/diffusers/diffusers-folder.ts';
import { exportWeights } from '../../exchange/weights/export-weights.ts';
import { importWeights } from '../../exchange/weights/import-weights.ts';
import { withBackend } from '../../run/backends.ts';
import { readRun } from '../../sample/sample-run.ts';
import { asArgument } from '../interrupt.ts';
import type { ExportArguments, ImportArguments } from './exchange-options.ts';

/**
 * Writes the weights of a run as a file of PyTorch, and says how to read it.
 *
 * @param print writes one line to stdout
 */
export async function exportPt(
  { run, out }: ExportArguments,
  print: (line: string) => void,
): Promise<void> {
  const count = await exportWeights({ ...(run !== undefined && { run }), out });
  print(`${out} holds ${count} tensors. In Python:`);
  print(`  state = torch.load('${out}', weights_only=True)['ema']`);
}

/**
 * Writes the weights of a run as a folder of diffusers, and says where it tells how to load them.
 *
 * @param print writes one line to stdout
 */
export async function exportDiffusers(
  { run, out }: ExportArguments,
  print: (line: string) => void,
): Promise<void> {
  await withBackend('cpu', async () => saveDiffusers(out, (await readRun(run)).model));
  print(`${out} holds the folder transformer of diffusers. ${out}/README.md says how to load it.`);
}

/**
 * Makes a run of weights, and says how to draw with it.
 *
 * @param print writes one line to stdout
 */
export async function importAlike(
  { file, out, like }: ImportArguments & { readonly like: string },
  print: (line: string) => void,
): Promise<void> {
  await importWeights({ weights: file, like, out, onNotice: print });
  print(`${out} is a run with these weights. To draw:`);
  print(`  tessera sample --run ${asArgument(out)} --out grid.png`);
}
