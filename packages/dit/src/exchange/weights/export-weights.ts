// Writes the averaged weights of a run as a file of PyTorch.

import { checkOptions } from '@tessera/tensor';
import { checkText } from '../../config/argument-check.ts';
import { readEntries } from '../../model/weights/encode-weights.ts';
import { checkWritable, writeFileAtomic } from '../../run/atomic-file.ts';
import { withBackend } from '../../run/backends.ts';
import { SHIPPED_RUN } from '../../run/run-folder.ts';
import { encodeTorch } from '../../run/torch/torch-bytes.ts';
import { readRun, type ReadRunOptions } from '../../sample/sample-run.ts';

/** Options of {@link exportWeights}. */
export interface ExportWeightsOptions extends ReadRunOptions {
  /** The folder of a run. Default: the run that the package brings. */
  readonly run?: string;
  /** The file to write. */
  readonly out: string;
}

/** The name of averaged weights in the checkpoints of the official code. */
const AVERAGES = 'ema';

/**
 * Writes the averaged weights of a run as `torch.save({'ema': …})` does, under the key names of the official code:
 * `torch.load(file, weights_only=True)['ema']` is the dictionary of the state of its model.
 *
 * @returns the number of tensors
 * @throws ValueError or FormatError if the run is not whole, or the file cannot be written
 * @example
 * // not run: needs a trained run
 * await exportWeights({ run: 'runs/mnist', out: 'mnist.pt' });
 */
export async function exportWeights(options: ExportWeightsOptions): Promise<number> {
  checkOptions('exportWeights', options, ['run', 'out', 'ema']);
  const { run = SHIPPED_RUN, out, ema } = options;
  checkText('exportWeights', 'run', run);
  checkText('exportWeights', 'out', out);
  await checkWritable(out);
  // Nothing is computed, so the plainest backend will do.
  return withBackend('cpu', async () => {
    const { model } = await readRun(run, ema === undefined ? {} : { ema });
    const entries = await readEntries(model);
    await writeFileAtomic(out, encodeTorch(entries, AVERAGES));
    return entries.size;
  });
}
