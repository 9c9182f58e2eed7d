// What a kernel of a plan is: a map, a reduction or a call over strided operands.

import type { DType } from '../array/dtype.ts';
import { StateError } from '../errors.ts';
import type {
  CompositeDeclaration,
  KernelPrimitive,
  Params,
  PointwisePrimitive,
  ReductionPrimitive,
} from '../primitives/primitive.ts';
import type { Shape } from '../array/shape.ts';
import type { View } from '../array/view.ts';

/** A strided window onto a buffer of the plan. */
export interface Operand {
  /** The buffer, as an index into {@link Plan.buffers}. */
  readonly buffer: number;
  readonly dtype: DType;
  readonly view: View;
}

/** Whether a kernel may throw because of the values that it reads. */
export function refusesValues(kernel: Kernel): boolean {
  return kernel.kind === 'call' && 'refuses' in kernel.operation;
}

/** One value of an expression; `args` are indices of earlier nodes. */
export type ExpressionNode =
  | { readonly kind: 'load'; readonly input: number; readonly dtype: DType }
  | { readonly kind: 'literal'; readonly value: number; readonly dtype: DType }
  | {
      readonly kind: 'apply';
      readonly primitive: PointwisePrimitive;
      readonly params: Params;
      readonly args: readonly number[];
      readonly dtype: DType;
    };

/** A graph of pointwise primitives over one element, in evaluation order. */
export interface Expression {
  readonly nodes: readonly ExpressionNode[];
  /** Indices of the nodes that are results. */
  readonly results: readonly number[];
}

/** Where a kernel comes from, for printing alone. */
interface Origin {
  /** The paths of the module calls whose operations it computes, each once. */
  readonly scopes?: readonly string[];
}

/** For every index of `shape`: evaluates the expression on the inputs there and writes each result. */
export interface MapKernel extends Origin {
  readonly kind: 'map';
  readonly shape: Shape;
  readonly inputs: readonly Operand[];
  readonly expression: Expression;
  readonly outputs: readonly Operand[];
}

/** For every index of the kept axes: folds the expression's only result along `axes`. */
export interface ReduceKernel extends Origin {
  readonly kind: 'reduce';
  readonly primitive: ReductionPrimitive;
  /** The iteration space; the result has no `axes` of it. */
  readonly shape: Shape;
  readonly axes: readonly number[];
  readonly inputs: readonly Operand[];
  readonly expression: Expression;
  readonly outputs: readonly [Operand];
}

/**
 * Pointwise work on the only result of a call, done before it is stored. Input 0 of the expression is that
 * result; input i is the kernel's input `operands + i − 1`.
 */
export interface Epilogue {
  /** Number of the operation's own operands, which come first among the kernel's inputs. */
  readonly operands: number;
  /**
   * The shape of the work. It has as many elements as the result, and its last axes are rows of the result.
   */
  readonly shape: Shape;
  readonly expression: Expression;
}

/**
 * One application of an operation that has a kernel of its own. With an epilogue, its outputs are the results
 * of the epilogue; the first of them is float32.
 */
export interface CallKernel extends Origin {
  readonly kind: 'call';
  readonly operation: KernelPrimitive | CompositeDeclaration;
  readonly params: Params;
  readonly inputs: readonly Operand[];
  readonly outputs: readonly Operand[];
  readonly epilogue?: Epilogue;
}

/**
 * The entry for the operation of a call in a backend's table.
 *
 * @throws StateError if the table has none.
 */
export function kernelIn<T extends object>(
  table: T,
  { operation: { name } }: CallKernel,
  backend: string,
): T[keyof T] {
  if (Object.hasOwn(table, name)) return table[name as keyof T];
  throw new StateError(
    'prepare',
    `the ${backend} backend has no kernel for ${name}. Composites that a backend does not list must be decomposed.`,
  );
}

/** One loop nest that a backend runs. */
export type Kernel = MapKernel | ReduceKernel | CallKernel;

/** The same kernel with every operand replaced by `change(operand)`. */
export function withOperands(kernel: Kernel, change: (operand: Operand) => Operand): Kernel {
  const inputs = kernel.inputs.map(change);
  if (kernel.kind === 'reduce') return { ...kernel, inputs, outputs: [change(kernel.outputs[0])] };
  return { ...kernel, inputs, outputs: kernel.outputs.map(change) };
}

/** The name that errors use for a kernel: the operation it computes, or the last one of several. */
export function kernelName(kernel: Kernel): string {
  if (kernel.kind === 'call') return kernel.operation.name;
  if (kernel.kind === 'reduce') return kernel.primitive.name;
  const last = kernel.expression.nodes.at(-1);
  return last?.kind === 'apply' ? last.primitive.name : 'copy';
}

/** A text that is the same only for equal expressions. */
export function expressionKey({ nodes, results }: Expression): string {
  return JSON.stringify([
    nodes.map((node) =>
      node.kind === 'apply'
        ? [node.primitive.name, node.params, node.args, node.dtype]
        : node.kind === 'literal'
          ? [Object.is(node.value, -0) ? '-0' : String(node.value), node.dtype]
          : [node.input, node.dtype],
    ),
    results,
  ]);
}
