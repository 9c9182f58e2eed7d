// Map kernels: an expression for every element, cut into rows or into blocks of long rows.

import { expressionKey, type MapKernel } from '../../../plan/kernel.ts';
import { BYTES_PER_ELEMENT } from '../../../array/dtype.ts';
import { sizeOf } from '../../../array/shape.ts';
import { byteOffset, times } from '../kernel/addressing.ts';
import type { I32 } from '../assembler/code.ts';
import { i32 } from '../assembler/instructions.ts';
import { costOf } from '../kernel/cost.ts';
import { collapse, countOf, type Dimension } from '../../../array/view.ts';
import type { KernelCode, Phase, PhaseBody } from '../kernel/kernel-code.ts';
import { mapRow } from './expression-loop.ts';
import { forEachRow } from '../kernel/nested-loops.ts';

/** Elements of a long row that are one unit. */
const BLOCK = 2048;

/**
 * A map kernel: rows along the innermost loop, four elements at a time. Long rows are cut into blocks.
 *
 * An output may share its buffer with an input of the same view, because each vector is read before it is
 * written.
 */
export function map(kernel: MapKernel): KernelCode {
  if (sizeOf(kernel.shape) === 0) return { phases: [] };
  const operands = [...kernel.inputs, ...kernel.outputs];
  const dimensions = collapse(
    kernel.shape,
    operands.map(({ view }) => view.strides),
  );
  const inner = dimensions.pop() ?? { size: 1, strides: operands.map(() => 1), marked: false };
  const phase =
    inner.size > BLOCK ? blocks(kernel, dimensions, inner) : rows(kernel, dimensions, inner);
  return { phases: [phase] };
}

/** Short rows: a unit is a row. */
function rows(kernel: MapKernel, outer: readonly Dimension[], inner: Dimension): Phase {
  return {
    units: countOf(outer),
    unitCost: 10 + costOf(kernel, inner.size),
    emit: (body) => {
      forEachRow(body, outer, bytesOf(kernel), (pointers) => {
        rowCode(kernel, body, inner, pointers, inner.size);
      });
    },
  };
}

/**
 * Long rows: a unit is a block of one row. Where there is only one row, kernels of all lengths share the
 * code.
 */
function blocks(kernel: MapKernel, outer: readonly Dimension[], inner: Dimension): Phase {
  const blocksPerRow = Math.ceil(inner.size / BLOCK);
  const bytes = bytesOf(kernel);
  const shape = outer.map(({ size }) => size);
  return {
    units: countOf(outer) * blocksPerRow,
    unitCost: costOf(kernel, BLOCK),
    ...(outer.length === 0 ? { key: flatKey(kernel, inner) } : {}),
    constants: [inner.size],
    emit: (body) => {
      const { f, begin, end } = body;
      const [length] = body.constants;
      f.for({ from: begin, to: end }, (unit) => {
        const row = outer.length === 0 ? null : f.keep(i32.div_u(unit, i32.const(blocksPerRow)));
        const block = row === null ? unit : i32.rem_u(unit, i32.const(blocksPerRow));
        const first = f.keep(times(block, BLOCK));
        const count = f.keep(i32.sub(length, first));
        f.if(i32.gt_u(count, i32.const(BLOCK)), () => {
          f.set(count, i32.const(BLOCK));
        });
        const pointers = [...body.inputs, ...body.outputs].map((address, i) => {
          const start =
            row === null
              ? address
              : i32.add(
                  address,
                  byteOffset(f, row, { shape, strides: outer.map((d) => d.strides[i]) }, bytes[i]),
                );
          return f.keep(i32.add(start, times(first, inner.strides[i] * bytes[i])));
        });
        rowCode(kernel, body, inner, pointers, count);
      });
    },
  };
}

function rowCode(
  kernel: MapKernel,
  { f, routines }: PhaseBody,
  inner: Dimension,
  pointers: readonly I32[],
  length: I32 | number,
): void {
  const operand = ({ dtype }: MapKernel['inputs'][number], i: number) => ({
    dtype,
    stride: inner.strides[i],
    address: pointers[i],
  });
  const inputs = kernel.inputs.map(operand);
  const outputs = kernel.outputs.map((output, i) => operand(output, kernel.inputs.length + i));
  mapRow({ expression: kernel.expression, inputs, f, routines }, outputs, length);
}

function bytesOf({ inputs, outputs }: MapKernel): number[] {
  return [...inputs, ...outputs].map(({ dtype }) => BYTES_PER_ELEMENT[dtype]);
}

/** The key of the code of kernels over one row: the expression and the strides. */
function flatKey({ inputs, outputs, expression }: MapKernel, inner: Dimension): string {
  const dtypes = [...inputs, ...outputs].map(({ dtype }) => dtype);
  return `flat map ${dtypes.join()} ${inner.strides.join()} ${expressionKey(expression)}`;
}
