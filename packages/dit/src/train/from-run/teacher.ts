// The run whose flow a flow map follows: its weights, and the checks that they fit.

import { ValueError } from '@tessera/tensor';
import type { TrainConfig } from '../../config/config.ts';
import type { ModelConfig } from '../../config/model-config.ts';
import { readRun } from '../../sample/sample-run.ts';
import type { TrainedRun } from '../../sample/trained-run.ts';

/**
 * Reads the run that the configuration of a flow map names; `undefined` for any other configuration.
 *
 * @throws ValueError if the run is not whole, or its flow is not that of the configuration
 */
export async function readTeacher(config: TrainConfig): Promise<TrainedRun | undefined> {
  const { from, diffusion, model, autoencoder } = config;
  if (from === undefined) return undefined;
  const run = await readRun(from);
  const { objective, timesteps } = run.config.diffusion;
  if (objective !== 'flow') {
    throw new ValueError(
      'train',
      `${from} was trained with the objective ${objective}, but a flow map follows a flow. Name a run that was trained with --objective flow.`,
    );
  }
  const { decoderDepth: _, ...ofFlow }: ModelConfig = model;
  const expected = { model: ofFlow, autoencoder, diffusion: { timesteps: diffusion.timesteps } };
  const { model: itsModel, autoencoder: itsAutoencoder } = run.config;
  const found = { model: itsModel, autoencoder: itsAutoencoder, diffusion: { timesteps } };
  const odd = oddField(expected, found, '');
  if (odd === undefined) return run;
  throw new ValueError(
    'train',
    `${from} has another ${odd} than the flow map that is to start from it. Name the run again by --from, so that all settings are its own.`,
  );
}

/** The path of the first field in which two configurations differ; `undefined` if they are the same. */
function oddField(a: unknown, b: unknown, path: string): string | undefined {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return a === b ? undefined : path;
  }
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  for (const name of names) {
    const inner = path === '' ? name : `${path}.${name}`;
    const odd = oddField(Reflect.get(a, name), Reflect.get(b, name), inner);
    if (odd !== undefined) return odd;
  }
  return undefined;
}
