// `tessera export --to pt`, and `tessera import --like`: weights alone, for PyTorch and from anywhere.

import { exportWeights } from '../../exchange/weights/export-weights.ts';
import { importWeights } from '../../exchange/weights/import-weights.ts';
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
