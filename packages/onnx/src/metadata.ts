// Texts that a model carries beside its graph.

import { kindOf, ValueError } from '@tessera/tensor';
import { encodeMetadata, type Metadata } from './graph/model.ts';

/**
 * The same model with texts beside its graph, such as the number of timesteps that it was trained with.
 * Runtimes and viewers show them; they change nothing of what the model computes.
 *
 * @param model The content of an `.onnx` file.
 * @param metadata A text for each key.
 * @throws ValueError unless the model is bytes and all values are texts.
 * @example
 * const { bytes } = await toOnnx((x: Tensor) => x.exp(), { shape: [3], dtype: 'float32' });
 * const named = addMetadata(bytes, { author: 'Ada' });
 * named.length > bytes.length; // true
 */
export function addMetadata(model: Uint8Array, metadata: Metadata): Uint8Array<ArrayBuffer> {
  if (!(model instanceof Uint8Array)) {
    const problem = `the model must be a Uint8Array, but is ${kindOf(model)}. Pass the bytes that toOnnx returns.`;
    throw new ValueError('addMetadata', problem);
  }
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    const problem = `metadata must be an object of texts, but is ${kindOf(metadata)}. Write { key: 'text' }.`;
    throw new ValueError('addMetadata', problem);
  }
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value === 'string') continue;
    const problem = `the value of '${key}' must be a text, but is ${kindOf(value)}. Write JSON.stringify(…) of it.`;
    throw new ValueError('addMetadata', problem);
  }
  // Fields of a message may stand in any order, and lists go on where they stopped.
  const more = encodeMetadata(metadata);
  const joined = new Uint8Array(model.length + more.length);
  joined.set(model);
  joined.set(more, model.length);
  return joined;
}
