// Hashes of what a training reads: a run that goes on must read the same.

import { createHash, type Hash } from 'node:crypto';
import { namedTensors } from '@tessera/autograd/nn';
import type { DataHalf } from '../../data/data-set.ts';
import { addBytes } from '../../run/hash.ts';
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

/** Adds names, shapes and elements of the tensors of a tree to a hash. */
export async function addTensors(hash: Hash, root: unknown): Promise<void> {
  for (const [name, leaf] of namedTensors(root)) {
    hash.update(JSON.stringify([name, leaf.shape]));
    addBytes(hash, await leaf.data());
  }
}

/** Adds a plain value to a hash: numbers, texts, arrays of elements, lists and records of them. */
function addPlain(hash: Hash, value: unknown): void {
  if (ArrayBuffer.isView(value)) {
    addBytes(hash.update(`${value.byteLength}:`), value);
  } else if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    hash.update(`{${fields.length}`);
    for (const [name, field] of fields.sort(([a], [b]) => (a < b ? -1 : 1))) {
      addPlain(hash.update(JSON.stringify(name)), field);
    }
  } else {
    hash.update(`${JSON.stringify(value)},`);
  }
}
