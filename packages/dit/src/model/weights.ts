// The weights of a model as the bytes of a safetensors file, and back.

import {
  checkOptions,
  decodeSafetensors,
  encodeSafetensors,
  excerpt,
  FormatError,
  tensor,
  type EncodeSafetensorsOptions,
  type SafetensorsEntry,
  type Tensor,
} from '@tessera/tensor';
import { loadTensors, namedTensors, type Module } from '@tessera/autograd/nn';

/**
 * Writes every tensor of a module, buffers included, as the bytes of a safetensors file.
 *
 * @param metadata texts to keep with them
 * @param options `floats: 'F16'` takes half the bytes: each weight is rounded to the nearest half-precision float,
 *   which keeps three decimal digits. `loadModule` reads it as any other. Default: F32, every bit
 * @throws FormatError for a finite weight beyond the largest of F16, 65504, or of BF16; it names the tensor
 * @example
 * const linear = new Linear(2, 3, { key: key(0) });
 * const bytes = await encodeModule(linear, { note: 'untrained' });
 * decodeSafetensors(bytes).metadata; // { note: 'untrained' }
 * const halves = await encodeModule(linear, {}, { floats: 'F16' });
 * loadModule(halves, linear).weight.sub(linear.weight).abs().max().lessEqual(2 ** -12); // true
 */
export async function encodeModule(
  module: Module,
  metadata: Readonly<Record<string, string>> = {},
  options: EncodeSafetensorsOptions = {},
): Promise<Uint8Array> {
  checkOptions('encodeModule', options, ['floats']);
  return encodeSafetensors(await readEntries(module), metadata, options);
}

/** Reads every tensor of a tree, by its path. On the backend `cpu` the arrays are those of the tensors. */
export async function readEntries(root: unknown): Promise<Map<string, SafetensorsEntry>> {
  const entries = new Map<string, SafetensorsEntry>();
  for (const [name, leaf] of namedTensors(root)) {
    const { dtype, shape } = leaf;
    entries.set(name, { dtype, shape, data: await leaf.data() });
  }
  return entries;
}

/**
 * Reads the bytes that {@link encodeModule} wrote. `@tessera/dit/node` has a function of the same name for
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
