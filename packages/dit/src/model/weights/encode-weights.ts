// The weights of a model as the bytes of a safetensors file.

import {
  checkOptions,
  encodeSafetensors,
  type EncodeSafetensorsOptions,
  type SafetensorsEntry,
} from '@tessera/tensor';
import { namedTensors, type Module } from '@tessera/autograd/nn';

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
