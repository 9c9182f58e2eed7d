// The public names of @tessera/onnx.

/**
 * Functions of tensors as ONNX models: {@link toOnnx}, and {@link addMetadata} for what a reader should know.
 *
 * @module @tessera/onnx
 */
export { addMetadata } from './metadata.ts';
export type { Metadata, OnnxValue } from './graph/model.ts';
export type { Spec } from './signature.ts';
export { toOnnx, type OnnxModel } from './to-onnx.ts';
