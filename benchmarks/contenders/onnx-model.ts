// Writes ONNX models byte by byte.

/**
 * Writes ONNX models byte by byte: the few messages of onnx.proto3 that a graph of float32 tensors
 * needs. Source: the protocol buffers of ONNX, operator set 20.
 */

import type { NamedArray } from '../works/arrays.ts';

/** A field of a message, encoded. */
type Field = readonly Uint8Array[];

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

const FLOAT = 1;
const INT64 = 7;

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(Math.floor(value / 128))];
}

const whole = (field: number, value: number): Field => [
  Uint8Array.from([...varint(field * 8), ...varint(value)]),
];

const bytes = (field: number, content: Uint8Array): Field => [
  Uint8Array.from([...varint(field * 8 + 2), ...varint(content.length)]),
  content,
];

const text = (field: number, content: string): Field =>
  bytes(field, new TextEncoder().encode(content));

const message = (field: number, ...fields: readonly Field[]): Field => bytes(field, joined(fields));

function joined(fields: readonly Field[]): Uint8Array {
  return Buffer.concat(fields.flat());
}

function attribute(name: string, value: Attribute): Field {
  const [INT, INTS, FLOAT_TYPE, STRING] = [2, 7, 1, 3];
  if (typeof value === 'number') return message(5, text(1, name), whole(3, value), whole(20, INT));
  if (typeof value === 'string')
    return message(5, text(1, name), text(4, value), whole(20, STRING));
  if ('float' in value) {
    const number = new Uint8Array(Float32Array.of(value.float).buffer);
    const field = Uint8Array.from([2 * 8 + 5, ...number]);
    return message(5, text(1, name), [field], whole(20, FLOAT_TYPE));
  }
  return message(5, text(1, name), ...value.map((item) => whole(8, item)), whole(20, INTS));
}

function initializer(name: string, type: number, shape: readonly number[], raw: Uint8Array): Field {
  return message(
    5,
    ...shape.map((size) => whole(1, size)),
    whole(2, type),
    text(8, name),
    bytes(9, raw),
  );
}

function valueInfo(field: number, name: string, shape: readonly number[] | null): Field {
  const sizes = shape === null ? [] : [message(2, ...shape.map((n) => message(1, whole(1, n))))];
  return message(field, text(1, name), message(2, message(1, whole(1, FLOAT), ...sizes)));
}

/** An empty graph. */
export function buildGraph(): GraphBuilder {
  const fields: Field[] = [];
  let count = 0;
  const fresh = (): string => `v${count++}`;
  const nodes: GraphBuilder['nodes'] = (type, inputs, results, attributes = {}) => {
    const names = Array.from({ length: results }, fresh);
    fields.push(
      message(
        1,
        ...inputs.map((input) => text(1, input)),
        ...names.map((name) => text(2, name)),
        text(4, type),
        ...Object.entries(attributes).map(([name, value]) => attribute(name, value)),
      ),
    );
    return names;
  };
  return {
    nodes,
    node: (type, inputs, attributes) => nodes(type, inputs, 1, attributes)[0],
    input: (name, shape) => {
      fields.push(valueInfo(11, name, shape));
      return name;
    },
    constant: ({ data, shape }) => {
      const name = fresh();
      const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      fields.push(initializer(name, FLOAT, shape, raw));
      return name;
    },
    integers: (values) => {
      const name = fresh();
      const raw = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
      fields.push(initializer(name, INT64, [values.length], raw));
      return name;
    },
    finish: (output) => {
      const naming = message(1, text(1, output), text(2, 'result'), text(4, 'Identity'));
      const result = valueInfo(12, 'result', null);
      const graph = message(7, text(2, 'work'), ...fields, naming, result);
      const operators = message(8, text(1, ''), whole(2, 20));
      return joined([whole(1, 9), graph, operators]);
    },
  };
}
