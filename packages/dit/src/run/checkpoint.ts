/** Weights of a run as safetensors files. */

import { readFile } from 'node:fs/promises';
import { ValueError } from '@tessera/tensor';
import type { Module } from '@tessera/autograd/nn';
import { encodeModule, loadModule as loadModuleBytes } from '../weights.ts';
import { writeFileAtomic } from './atomic-file.ts';
import { fileErrorCode, nameFile } from './file-error.ts';

/**
 * Writes every tensor of a module, buffers included.
 *
 * @param metadata texts to keep with them
 * @throws ValueError if the file cannot be written
 * @example
 * await saveModule('linear.safetensors', new Linear(2, 3, { key: key(0) }), { note: 'untrained' });
 */
export async function saveModule(
  path: string,
  module: Module,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomic(path, await encodeModule(module, metadata));
}

/** Reads the bytes of a file of weights. */
export async function readWeights(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw fileErrorCode(error) === 'ENOENT'
      ? new ValueError('loadModule', `${path} does not exist. Train the run to its end first.`)
      : nameFile('loadModule', path, 'read', error);
  }
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
  return loadModuleBytes(await readWeights(path), module, path);
}
