/** Weights of a run as safetensors files, under the names of their fields. */

import { readFile } from 'node:fs/promises';
import {
  decodeSafetensors,
  encodeSafetensors,
  FormatError,
  tensor,
  ValueError,
  type SafetensorsEntry,
  type Tensor,
} from '@tessera/tensor';
import { loadTensors, namedTensors, type Module } from '@tessera/autograd/nn';
import { writeFileAtomic } from './atomic-file.ts';

/**
 * Writes every tensor of a module, buffers included.
 *
 * @param metadata texts to keep with them
 * @example
 * await saveModule('linear.safetensors', new Linear(2, 3, { key: key(0) }), { note: 'untrained' });
 */
export async function saveModule(
  path: string,
  module: Module,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const entries = new Map<string, SafetensorsEntry>();
  for (const [name, parameter] of namedTensors(module)) {
    const { dtype, shape } = parameter;
    entries.set(name, { dtype, shape, data: await parameter.data() });
  }
  await writeFileAtomic(path, encodeSafetensors(entries, metadata));
}

/**
 * Reads what {@link saveModule} wrote.
 *
 * @param module gives the structure, the names and the shapes
 * @returns a module like it with the file's tensors
 * @throws ValueError if there is no such file; FormatError if it is damaged or of another module
 * @example
 * const trained = new Linear(2, 3, { key: key(0) });
 * await saveModule('trained.safetensors', trained);
 * const { weight } = await loadModule('trained.safetensors', new Linear(2, 3, { key: key(1) }));
 * weight.equal(trained.weight).min(); // true
 */
export async function loadModule<M extends Module>(path: string, module: M): Promise<M> {
  const bytes = await readFile(path).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? error.code : error;
    throw code === 'ENOENT'
      ? new ValueError('loadModule', `${path} does not exist. Train the run to its end first.`)
      : new ValueError('loadModule', `${path} cannot be read (${String(code)}).`);
  });
  const tensors = new Map<string, Tensor>();
  for (const [name, { dtype, shape, data }] of decodeSafetensors(bytes, path).tensors) {
    if (dtype === 'float64' || data instanceof Float64Array) {
      throw new FormatError('loadModule', `${path}: "${name}" is float64, expected float32.`);
    }
    tensors.set(name, tensor(data, { shape, dtype }));
  }
  try {
    return loadTensors(module, tensors);
  } catch (error) {
    if (error instanceof FormatError)
      throw new FormatError('loadModule', `${path}: ${error.message}`);
    throw error;
  }
}
