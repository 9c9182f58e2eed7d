// Makes kernels out of the groups of work that fusion has formed.

import { formatNumber } from '../../primitives/primitive.ts';
import type { Shape } from '../../array/shape.ts';
import { contiguousView, formatView } from '../../array/view.ts';
import type {
  AssemblyBody,
  Atom,
  Body,
  CallBody,
  MapBody,
  Part,
  ReduceBody,
  Source,
} from './group.ts';
import type {
  CallKernel,
  Expression,
  ExpressionNode,
  Kernel,
  MapKernel,
  Operand,
  ReduceKernel,
} from '../../plan/kernel.ts';

/**
 * Makes the kernels of one group. `isLive` tells whether any kernel still reads a buffer, or it is a result.
 */
export function emit(body: Body, isLive: (buffer: number) => boolean): readonly Kernel[] {
  switch (body.kind) {
    case 'map':
      return emitMap(body, isLive);
    case 'reduce':
      return [emitReduce(body)];
    case 'assembly':
      return emitAssembly(body);
    case 'call':
      return [emitCall(body, isLive)];
  }
}

/** Makes one map; none if its readers compute all of its results themselves. */
function emitMap({ shape, atoms }: MapBody, isLive: (buffer: number) => boolean): MapKernel[] {
  const results = atoms.filter(({ buffer }) => isLive(buffer));
  return results.length === 0
    ? []
    : [{ kind: 'map', shape, ...computation(shape, atoms, results) }];
}

/** The inputs, expression and outputs that compute some of the atoms over a shape. */
function computation(
  shape: Shape,
  atoms: readonly Atom[],
  results: readonly Atom[],
  given?: GivenInput,
): Pick<MapKernel, 'inputs' | 'expression' | 'outputs'> {
  const builder = new ExpressionBuilder(neededFor(results, atoms), given);
  return {
    inputs: builder.inputs,
    expression: builder.build(results.map(({ buffer }) => builder.nodeOfBuffer(buffer))),
    outputs: results.map((result) => wholeOperand(result, shape)),
  };
}

/** An operand that is the whole buffer of a result. */
function wholeOperand({ buffer, dtype }: Pick<Operand, 'buffer' | 'dtype'>, shape: Shape): Operand {
  return { buffer, dtype, view: contiguousView(shape) };
}

function emitReduce({
  primitive,
  axes,
  shape,
  atoms,
  arg,
  buffer,
  dtype,
}: ReduceBody): ReduceKernel {
  const builder = new ExpressionBuilder(atoms);
  const kept = shape.filter((_, axis) => !axes.includes(axis));
  return {
    kind: 'reduce',
    primitive,
    shape,
    axes,
    inputs: builder.inputs,
    expression: builder.build([builder.nodeOf(arg)]),
    outputs: [{ buffer, dtype, view: contiguousView(kept) }],
  };
}

function emitCall(
  { operation, params, args, outputs, epilogue }: CallBody,
  isLive: (buffer: number) => boolean,
): CallKernel {
  const inputs = args.map(operandOf);
  if (epilogue === undefined) {
    const results = outputs.map((output) => wholeOperand(output, output.shape));
    return { kind: 'call', operation, params, inputs, outputs: results };
  }
  const { shape, atoms } = epilogue;
  const results = atoms.filter(({ buffer }) => isLive(buffer));
  const work = computation(shape, atoms, results, outputs[0]);
  return {
    kind: 'call',
    operation,
    params,
    inputs: [...inputs, ...work.inputs],
    outputs: work.outputs,
    epilogue: { operands: inputs.length, shape, expression: work.expression },
  };
}

/** The atoms that some of the results depend on, directly or through others. */
function neededFor(results: readonly Atom[], atoms: readonly Atom[]): Atom[] {
  const needed = new Set(results.map(({ buffer }) => buffer));
  return atoms
    .toReversed()
    .filter(({ buffer, args }) => {
      if (!needed.has(buffer)) return false;
      for (const arg of args) if (arg.kind === 'window') needed.add(arg.buffer);
      return true;
    })
    .reverse();
}

/** Makes one map per part, after a map of zeros if the parts leave gaps. */
function emitAssembly({ shape, parts, covers, buffer, dtype }: AssemblyBody): MapKernel[] {
  const fill: Pick<Part, 'shape' | 'atoms' | 'arg' | 'view'> = {
    shape,
    atoms: [],
    arg: { kind: 'uniform', value: 0, dtype },
    view: contiguousView(shape),
  };
  return [...(covers ? [] : [fill]), ...parts].map((part) => {
    const builder = new ExpressionBuilder(part.atoms);
    const expression = builder.build([builder.nodeOf(part.arg)]);
    return {
      kind: 'map',
      shape: part.shape,
      inputs: builder.inputs,
      expression,
      outputs: [{ buffer, dtype, view: part.view }],
    };
  });
}

function operandOf(source: Source): Operand {
  if (source.kind === 'uniform')
    throw new Error('fuse: a call reads a number that lies in no buffer.');
  return { buffer: source.buffer, dtype: source.dtype, view: source.view };
}

/** A result that exists where an expression is evaluated, so that no load is needed. */
type GivenInput = Pick<Operand, 'buffer' | 'dtype'>;

/** Builds the expression of a list of atoms, loading each window once. */
class ExpressionBuilder {
  readonly inputs: Operand[] = [];
  readonly #nodes: ExpressionNode[] = [];
  readonly #byBuffer = new Map<number, number>();
  readonly #bySource = new Map<string, number>();

  /** The node of the given result, which is input 0 and not among {@link inputs}; see {@link GivenInput}. */
  readonly #given: number;

  constructor(atoms: readonly Atom[], given?: GivenInput) {
    this.#given = given === undefined ? 0 : 1;
    if (given !== undefined) {
      const load = this.#push({ kind: 'load', input: 0, dtype: given.dtype });
      this.#byBuffer.set(given.buffer, load);
    }
    for (const { primitive, params, args, buffer, dtype } of atoms) {
      const operands = args.map((arg) => this.nodeOf(arg));
      const node =
        primitive === null
          ? operands[0]
          : this.#push({ kind: 'apply', primitive, params, args: operands, dtype });
      this.#byBuffer.set(buffer, node);
    }
  }

  build(results: readonly number[]): Expression {
    return { nodes: this.#nodes, results };
  }

  nodeOfBuffer(buffer: number): number {
    const node = this.#byBuffer.get(buffer);
    if (node === undefined)
      throw new Error(`fuse: buffer ${buffer} is not computed in this group.`);
    return node;
  }

  nodeOf(source: Source): number {
    const own = source.kind === 'window' ? this.#byBuffer.get(source.buffer) : undefined;
    if (own !== undefined) return own;
    const key =
      source.kind === 'uniform'
        ? `${source.dtype} ${formatNumber(source.value)}`
        : `${source.buffer} ${formatView(source.view)} ${source.view.strides.join(' ')}`;
    const known = this.#bySource.get(key);
    if (known !== undefined) return known;
    const node =
      source.kind === 'uniform'
        ? this.#push({ kind: 'literal', value: source.value, dtype: source.dtype })
        : this.#push({
            kind: 'load',
            input: this.inputs.push(operandOf(source)) - 1 + this.#given,
            dtype: source.dtype,
          });
    this.#bySource.set(key, node);
    return node;
  }

  #push(node: ExpressionNode): number {
    return this.#nodes.push(node) - 1;
  }
}
