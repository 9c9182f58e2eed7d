// The bytes of an ONNX model: a graph, its typed inputs and outputs, the operator set and metadata.

import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { ModelProtoSchema, type ValueInfoProtoSchema } from 'onnx-buf';
import type { DType } from '@tessera/tensor';
import { DATA_TYPES } from './element-type.ts';
import type { Graph } from './graph.ts';

/**
 * The version of ONNX's operators that models ask for. It is the first one with Gelu among them, and has the
 * bitwise operators that random numbers need; onnxruntime runs it from 1.17 on.
 */
const OPSET = 20;

/** The version of the file format that belongs to the operator set. */
const IR_VERSION = 9n;

/** The version of this package, which models name as their producer. */
const VERSION = '0.1.0';

/** An input or output of a model. */
export interface OnnxValue {
  /** The name by which a runtime takes or gives it. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** A text for each key, which a model carries beside its graph. */
export type Metadata = Readonly<Record<string, string>>;

/** Encodes a model. */
export function encodeModel(
  { nodes, constants }: Graph,
  name: string,
  inputs: readonly OnnxValue[],
  outputs: readonly OnnxValue[],
): Uint8Array<ArrayBuffer> {
  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    opsetImport: [{ domain: '', version: BigInt(OPSET) }],
    producerName: '@tessera/onnx',
    producerVersion: VERSION,
    graph: {
      name,
      node: nodes,
      initializer: [...constants],
      input: inputs.map(valueInfo),
      output: outputs.map(valueInfo),
    },
  });
  return toBinary(ModelProtoSchema, model);
}

/** Encodes metadata alone. Behind the bytes of a model they are part of that model. */
export function encodeMetadata(metadata: Metadata): Uint8Array<ArrayBuffer> {
  const metadataProps = Object.entries(metadata).map(([key, value]) => ({ key, value }));
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { metadataProps }));
}

function valueInfo({
  name,
  shape,
  dtype,
}: OnnxValue): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = shape.map((size) => ({
    value: { case: 'dimValue' as const, value: BigInt(size) },
  }));
  return {
    name,
    type: { value: { case: 'tensorType', value: { elemType: DATA_TYPES[dtype], shape: { dim } } } },
  };
}
