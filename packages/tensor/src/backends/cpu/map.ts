// Runs a map kernel: evaluates an expression for every element and writes all of its results.

import type { MapKernel } from '../../plan/kernel.ts';
import type { TypedArray } from '../../array/dtype.ts';
import { isContiguous } from '../../array/view.ts';
import { blockOf, blockWriter } from './block.ts';
import { evaluator } from './expression.ts';

/**
 * Prepares a map kernel, which evaluates its expression block after block and writes every result.
 *
 * An output may share its buffer with an input of the same contiguous view: each block is read and
 * computed before any of it is written.
 */
export function map(kernel: MapKernel): (buffers: readonly TypedArray[]) => void {
  const { results } = kernel.expression;
  const evaluate = evaluator(kernel.shape, kernel.inputs, kernel.expression);
  const direct = directOutput(kernel);
  const writers = kernel.outputs
    .map((output, k) => ({
      node: results[k],
      buffer: output.buffer,
      write: blockWriter(output),
      k,
    }))
    .filter(({ k }) => k !== direct);
  return (buffers) => {
    evaluate(
      buffers,
      (values, start, n) => {
        for (const { node, buffer, write } of writers)
          write(buffers[buffer], start, n, values[node]);
      },
      direct === -1
        ? null
        : (start, n) => {
            const { buffer, view } = kernel.outputs[direct];
            return blockOf(view, buffers[buffer], start, n);
          },
    );
  };
}

/** The index of the output into which the last node can be computed without a copy; -1 if there is none. */
function directOutput({ expression: { nodes, results }, outputs }: MapKernel): number {
  const last = nodes.length - 1;
  if (nodes[last].kind !== 'apply') return -1;
  return outputs.findIndex(({ view }, k) => results[k] === last && isContiguous(view));
}
