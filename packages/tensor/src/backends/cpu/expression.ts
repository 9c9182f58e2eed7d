// Evaluates a fused expression block by block, one tight loop for each operation.

import type { Expression, ExpressionNode, Operand } from '../../plan/kernel.ts';
import { allocateArray, type TypedArray } from '../../array/dtype.ts';
import { sizeOf, type Shape } from '../../array/shape.ts';
import { BLOCK, blockReader } from './block.ts';

/** Uses a block: `values[i]` holds node i at elements `start … start + n − 1`. */
export type BlockConsumer = (values: readonly TypedArray[], start: number, n: number) => void;

/** The memory for the last node's elements `start … start + n − 1`, in place of scratch memory. */
export type BlockTarget = (start: number, n: number) => TypedArray;

/** Evaluates an expression at every index of its shape in row-major order, block after block. */
export type Evaluator = (
  buffers: readonly TypedArray[],
  consume: BlockConsumer,
  target: BlockTarget | null,
) => void;

/** Computes node i for one block: sets or fills `values[i]` from the values of its operands. */
type Step = (
  values: TypedArray[],
  buffers: readonly TypedArray[],
  start: number,
  n: number,
) => void;

/**
 * Prepares an expression for evaluation.
 *
 * Every node is one tight loop over a block, whose values are stored in the node's dtype. So an expression
 * gives bit for bit the same as its primitives one at a time. A block is complete before it is consumed, so a
 * consumer may overwrite the operands from which it was computed.
 *
 * @param shape The iteration space, and the shape of every input's view.
 * @param inputs The operands that the load nodes read.
 */
export function evaluator(
  shape: Shape,
  inputs: readonly Operand[],
  { nodes, results }: Expression,
): Evaluator {
  const size = sizeOf(shape);
  const scratch = nodes.map(({ dtype }) => allocateArray(dtype, Math.min(size, BLOCK)));
  const steps = nodes.map((node, i): Step => {
    if (node.kind === 'literal') return literalStep(node.value, i);
    if (node.kind === 'apply') return applyStep(node, i);
    // If there are several results, writing one of them may overwrite an operand that is another result.
    const copies = results.length > 1 && results.includes(i);
    return loadStep(inputs[node.input], i, scratch[i], copies);
  });
  return (buffers, consume, target) => {
    const values = scratch.slice();
    for (let start = 0; start < size; start += BLOCK) {
      const n = Math.min(BLOCK, size - start);
      if (target !== null) values[values.length - 1] = target(start, n);
      for (const step of steps) step(values, buffers, start, n);
      consume(values, start, n);
    }
  };
}

function literalStep(value: number, i: number): Step {
  return (values, _buffers, start) => {
    if (start === 0) values[i].fill(value);
  };
}

function loadStep(operand: Operand, i: number, scratch: TypedArray, copies: boolean): Step {
  const read = blockReader(operand, scratch, copies);
  return (values, buffers, start, n) => {
    values[i] = read(buffers[operand.buffer], start, n);
  };
}

function applyStep(node: ExpressionNode & { readonly kind: 'apply' }, i: number): Step {
  const { dtype, primitive } = node;
  const { scalar } = primitive;
  const [a, b = a, c = a] = node.args;
  return (values, _buffers, _start, n) => {
    const [out, x, y, z] = [values[i], values[a], values[b], values[c]];
    for (let k = 0; k < n; k++) out[k] = scalar(x[k], y[k], z[k], dtype);
  };
}
