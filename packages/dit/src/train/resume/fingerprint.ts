// Hashes of what a training reads: a run that goes on must read the same.

import { createHash } from 'node:crypto';
import type { DataHalf } from '../../data/data-set.ts';
import { addPlain, addTensors } from '../../run/integrity/hash.ts';
import type { Sources } from '../../run/state/state-file.ts';
import type { TrainedRun } from '../../sample/trained-run.ts';

/** Hashes of the training data, and of the run that a training starts from. */
export async function sourcesOf(train: DataHalf, base: TrainedRun | undefined): Promise<Sources> {
  const data = createHash('sha256');
  addPlain(data, train);
  if (base === undefined) return { data: data.digest('hex') };
  const weights = createHash('sha256');
  await addTensors(weights, {
    model: base.model,
    ...(base.autoencoder !== undefined && { autoencoder: base.autoencoder }),
  });
  return { data: data.digest('hex'), base: weights.digest('hex') };
}
