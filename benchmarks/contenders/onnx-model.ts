// Writes ONNX models node by node, with the operators that a user of onnxruntime would take.

import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  TensorProto_DataType as DataType,
  type AttributeProtoSchema,
  type NodeProtoSchema,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from 'onnx-buf';
import type { NamedArray } from '../works/arrays.ts';

/** An attribute of a node: a whole number, a list of them, a fraction or a text. */
export type Attribute = number | readonly number[] | { readonly float: number } | string;

/** A graph that grows by one operation at a time; operands are the names of values. */
export interface GraphBuilder {
  /** A value that the caller feeds. */
  input(name: string, shape: readonly number[]): string;
  /** A constant, such as a weight. */
  constant(array: NamedArray): string;
  /** A constant list of whole numbers, such as a shape. */
  integers(values: readonly number[]): string;
  /** An operation with one result. */
  node(type: string, inputs: readonly string[], attributes?: Attributes): string;
  /** An operation with several results. */
  nodes(
    type: string,
    inputs: readonly string[],
    results: number,
    attributes?: Attributes,
  ): readonly string[];
  /** The model with one output, which is called `result`. */
  finish(output: string): Uint8Array;
}

type Attributes = Readonly<Record<string, Attribute>>;

/** The operator set, and the version of the file format that belongs to it. */
const [OPSET, IR_VERSION] = [20n, 9n];

function attribute(name: string, value: Attribute): MessageInitShape<typeof AttributeProtoSchema> {
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: BigInt(value) };
  if (typeof value === 'string') {
    return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  }
  if ('float' in value) return { name, type: AttributeType.FLOAT, f: value.float };
  return { name, type: AttributeType.INTS, ints: value.map(BigInt) };
}

/** A float32 value; without a shape, one of any. */
function valueInfo(
  name: string,
  shape?: readonly number[],
): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = shape?.map((n) => ({ value: { case: 'dimValue' as const, value: BigInt(n) } }));
  const tensor = { elemType: DataType.FLOAT, ...(dim !== undefined && { shape: { dim } }) };
  return { name, type: { value: { case: 'tensorType', value: tensor } } };
}

/** An empty graph. */
export function buildGraph(): GraphBuilder {
  const node: MessageInitShape<typeof NodeProtoSchema>[] = [];
  const initializer: MessageInitShape<typeof TensorProtoSchema>[] = [];
  const input: MessageInitShape<typeof ValueInfoProtoSchema>[] = [];
  let count = 0;
  const fresh = (): string => `v${count++}`;
  const nodes: GraphBuilder['nodes'] = (opType, inputs, results, attributes = {}) => {
    const output = Array.from({ length: results }, fresh);
    node.push({
      opType,
      input: [...inputs],
      output,
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    });
    return output;
  };
  const constant = (dataType: DataType, shape: readonly number[], rawData: Uint8Array): string => {
    const name = fresh();
    initializer.push({
      name,
      dataType,
      dims: shape.map(BigInt),
      rawData: Uint8Array.from(rawData),
    });
    return name;
  };
  return {
    nodes,
    node: (type, inputs, attributes) => nodes(type, inputs, 1, attributes)[0],
    input: (name, shape) => {
      input.push(valueInfo(name, shape));
      return name;
    },
    constant: ({ data, shape }) =>
      constant(
        DataType.FLOAT,
        shape,
        new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      ),
    integers: (values) => {
      const raw = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
      return constant(DataType.INT64, [values.length], raw);
    },
    finish: (result) => {
      node.push({ opType: 'Identity', input: [result], output: ['result'] });
      const graph = {
        name: 'work',
        node,
        initializer,
        input,
        output: [valueInfo('result')],
      };
      const opsetImport = [{ domain: '', version: OPSET }];
      return toBinary(
        ModelProtoSchema,
        create(ModelProtoSchema, { irVersion: IR_VERSION, opsetImport, graph }),
      );
    },
  };
}
