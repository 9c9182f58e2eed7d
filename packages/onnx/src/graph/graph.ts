// A graph that grows by one node at a time: nodes of ONNX operators, and constants for them.

import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as AttributeType,
  type AttributeProtoSchema,
  type NodeProtoSchema,
  type TensorProtoSchema,
} from 'onnx-buf';
import { DATA_TYPES, rawBytes, type ElementType } from './element-type.ts';

/** An attribute of a node: a whole number, a list of them, a fraction or a text. */
export type Attribute = number | readonly number[] | { readonly float: number } | string;

/** Builds the nodes and constants of a graph. Values are known by their names. */
export class Graph {
  readonly nodes: MessageInitShape<typeof NodeProtoSchema>[] = [];
  /** The module call that the next nodes belong to; their names start with it. */
  scope: string | undefined;
  readonly #initializers: MessageInitShape<typeof TensorProtoSchema>[] = [];
  /** Names of constants by what they hold. */
  readonly #known = new Map<string, string>();
  /** Names of inputs, outputs and constants with a name of their own, which no other value may have. */
  readonly #names: Set<string>;
  #count = 0;

  /** @param names The names of inputs and outputs. */
  constructor(names: readonly string[]) {
    this.#names = new Set(names);
  }

  /**
   * Appends a node with one result.
   *
   * @param type The operator: `MatMul`.
   * @param inputs Names of its operands; an empty text stands for one that is left out.
   * @returns The name of the result.
   */
  node(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string {
    return this.nodeOf(1, type, inputs, attributes)[0];
  }

  /** Appends a node with several results, and returns their names. */
  nodeOf(
    results: number,
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): readonly string[] {
    const outputs = Array.from({ length: results }, () => this.#fresh('v'));
    this.#append(type, inputs, outputs, attributes);
    return outputs;
  }

  /** Appends a node that gives a value another name. */
  rename(value: string, name: string): void {
    this.#append('Identity', [value], [name], {});
  }

  /** The constants that some node reads. */
  get constants(): readonly MessageInitShape<typeof TensorProtoSchema>[] {
    const read = new Set(this.nodes.flatMap(({ input = [] }) => input));
    return this.#initializers.filter(({ name = '' }) => read.has(name));
  }

  /**
   * A constant of any shape.
   *
   * @param wanted What to call it. Default: `c` and a number.
   * @returns Its name: that one, with `.2`, `.3`, … behind it if another value has it.
   */
  constant(
    type: ElementType,
    shape: readonly number[],
    elements: ArrayLike<number>,
    wanted?: string,
  ): string {
    const name = wanted === undefined ? this.#fresh('c') : this.#taken(wanted);
    this.#initializers.push({
      name,
      dataType: DATA_TYPES[type],
      dims: shape.map(BigInt),
      rawData: rawBytes(type, elements),
    });
    return name;
  }

  /** A constant scalar; equal ones share a name. */
  scalar(type: ElementType, value: number): string {
    // −0 and 0 are two numbers.
    const key = `${type} ${Object.is(value, -0) ? '-0' : value}`;
    return this.#shared(key, () => this.constant(type, [], [value]));
  }

  /** A constant list of whole numbers, such as a shape or axes; equal ones share a name. */
  integers(values: readonly number[]): string {
    return this.#shared(`[${values.join()}]`, () =>
      this.constant('int64', [values.length], values),
    );
  }

  #fresh(prefix: string): string {
    let name: string;
    do name = `${prefix}${this.#count++}`;
    while (this.#names.has(name));
    return name;
  }

  /** Takes a name, or the first free one that begins with it. */
  #taken(wanted: string): string {
    let name = wanted;
    for (let n = 2; this.#names.has(name); n++) name = `${wanted}.${n}`;
    this.#names.add(name);
    return name;
  }

  #shared(key: string, make: () => string): string {
    let name = this.#known.get(key);
    if (name === undefined) this.#known.set(key, (name = make()));
    return name;
  }

  #append(
    type: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
  ): void {
    const name = `${type}_${this.nodes.length}`;
    this.nodes.push({
      name: this.scope === undefined ? name : `${this.scope}/${name}`,
      opType: type,
      input: [...inputs],
      output: [...outputs],
      attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
    });
  }
}

function attribute(name: string, value: Attribute): MessageInitShape<typeof AttributeProtoSchema> {
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: BigInt(value) };
  if (typeof value === 'string') {
    return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  }
  if ('float' in value) return { name, type: AttributeType.FLOAT, f: value.float };
  return { name, type: AttributeType.INTS, ints: value.map(BigInt) };
}
