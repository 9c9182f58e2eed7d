/** Runs that were never trained: their folders hold random weights, and a state before the first step. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Autoencoder, initialState, type DiT, type TrainConfig } from '@tessera/dit';
import { saveModule, writeRunConfig } from '@tessera/dit/node';
import { key } from '@tessera/tensor';
import { RUN_FILES } from '../../../packages/dit/src/run/run-folder.ts';
import { encodeState } from '../../../packages/dit/src/run/state/state-file.ts';
import { statePath } from '../../../packages/dit/src/run/state/state-folder.ts';
import { withHistory } from '../../../packages/dit/src/train/diffusion-loss.ts';
import { randomModel } from '../model/sizes.ts';

/** Writes the folder of a run, and gives its model. */
export async function makeRun(folder: string, config: TrainConfig): Promise<DiT> {
  const whole = { ...config, latentScale: 0.5 };
  await mkdir(join(folder, RUN_FILES.state), { recursive: true });
  await writeRunConfig(folder, whole);
  const model = randomModel(config.model, key(0));
  await saveModule(join(folder, RUN_FILES.model), model);
  if (config.autoencoder !== undefined) {
    const autoencoder = new Autoencoder(config.autoencoder, key(1));
    await saveModule(join(folder, RUN_FILES.autoencoder), autoencoder);
  }
  const place = { stage: 'diffusion', step: 0 } as const;
  const training = withHistory(initialState(model, key(2), config.optimizer), config);
  const state = { ...place, log: 0, config: whole, sources: { data: 'none' } };
  await writeFile(statePath(folder, place), await encodeState(state, { training }));
  return model;
}
