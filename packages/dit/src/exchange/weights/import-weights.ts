// Makes a run of weights that another program has trained, beside a run of the same model.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkOptions, ValueError } from '@tessera/tensor';
import { checkText } from '../../config/argument-check.ts';
import { DiT } from '../../model/dit.ts';
import { withBackend } from '../../run/backends.ts';
import { loadModule, saveModule } from '../../run/checkpoint.ts';
import { RUN_FILES, writeRunConfig } from '../../run/run-folder.ts';
import { readRun } from '../../sample/sample-run.ts';
import { isDiffusersFolder, loadDiffusers } from '../diffusers/diffusers-folder.ts';
import { checkNewFolder, writeNewFolder } from '../new-folder.ts';

/** Options of {@link importWeights}. */
export interface ImportWeightsOptions {
  /**
   * A file of `torch.save`, such as `{'ema': …}`, or a safetensors file, under the key names of the official code; or a
   * folder of diffusers.
   */
  readonly weights: string;
  /** The folder of a run whose model has the same names and shapes. Its configuration and autoencoder are taken over. */
  readonly like: string;
  /** The folder of the new run. It must be new or empty. */
  readonly out: string;
  /** Called with one sentence for the user. */
  readonly onNotice?: (text: string) => void;
}

/**
 * Makes a run of weights. It draws and is evaluated, but it has no state, so its training does not go on.
 *
 * @throws ValueError if a file or run is not there, or the folder is not empty; FormatError if the weights are damaged,
 *   or those of another model
 * @example
 * // not run: needs weights and a run
 * await importWeights({ weights: 'big.pt', like: 'runs/mnist', out: 'runs/big' });
 */
export async function importWeights(options: ImportWeightsOptions): Promise<void> {
  const op = 'importWeights';
  checkOptions(op, options, ['weights', 'like', 'out', 'onNotice']);
  const { weights, like, out, onNotice } = options;
  checkText(op, 'weights', weights);
  checkText(op, 'like', like);
  checkText(op, 'out', out);
  await checkNewFolder(op, out);
  if (!existsSync(weights)) {
    throw new ValueError(
      op,
      `${weights} does not exist. Name a .pt or .safetensors file of weights, or a folder of diffusers.`,
    );
  }
  // Nothing is computed, so the plainest backend will do.
  await withBackend('cpu', async () => {
    const { config, autoencoder } = await readRun(like);
    const blank = DiT.blank(config.model);
    const model = isDiffusersFolder(weights)
      ? await loadDiffusers(weights, blank)
      : await loadModule(weights, blank, { ...(onNotice !== undefined && { onNotice }) });
    await writeNewFolder(op, out, async (folder) => {
      await writeRunConfig(folder, config);
      if (autoencoder !== undefined) {
        await saveModule(join(folder, RUN_FILES.autoencoder), autoencoder);
      }
      await saveModule(join(folder, RUN_FILES.model), model);
    });
  });
}
