// The weights of a model from the bytes of a safetensors file.

import {
  decodeSafetensors,
  excerpt,
  FormatError,
  tensor,
  type SafetensorsEntry,
  type Tensor,
} from '@tessera/tensor';
import { loadTensors, type Module } from '@tessera/autograd/nn';

/**
 * Reads the bytes that `encodeModule` wrote. `@tessera/dit/node` has a function of the same name for
 * files.
 *
 * @param bytes a safetensors file
 * @param module has the structure, the names and the shapes of the weights
 * @param source the name of the file in errors
 * @returns a new module of that structure with the file's tensors
 * @throws FormatError if the file is damaged, of another module, or holds weights that are not finite
 * @example
 * const trained = new Linear(2, 3, { key: key(0) });
 * const blank = new Linear(2, 3, { key: key(1) });
 * const { weight } = loadModule(await encodeModule(trained), blank);
 * weight.equal(trained.weight).min(); // true
 */
export function loadModule<M extends Module>(bytes: Uint8Array, module: M, source = 'weights'): M {
  const { tensors } = decodeSafetensors(bytes, source);
  const loaded = [...tensors].map(
    ([name, entry]) => [name, finiteTensor(name, entry, source)] as const,
  );
  return fitModule(module, new Map(loaded), source);
}

/** One tensor of a file. Throws a FormatError if it is not finite. */
export function finiteTensor(name: string, entry: SafetensorsEntry, source: string): Tensor {
  const { dtype, shape, data } = entry;
  const bad = data.findIndex((value: number) => !Number.isFinite(value));
  if (bad === -1) return tensor(data, { shape, dtype });
  throw new FormatError(
    'loadModule',
    `${source}: element ${bad} of "${excerpt(name)}" is ${data[bad]}, expected finite weights. Did the training diverge?`,
  );
}

/** A copy of a module, or of any other tree, with the tensors of a file. Errors name the file. */
export function fitModule<M>(module: M, tensors: ReadonlyMap<string, Tensor>, source: string): M {
  try {
    return loadTensors(module, tensors);
  } catch (error) {
    if (error instanceof FormatError) {
      const problem = error.message.slice(error.op.length + 2);
      throw new FormatError('loadModule', `${source}: ${problem}`);
    }
    throw error;
  }
}
