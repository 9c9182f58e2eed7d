// Does the pointwise work that follows a product on the rows just computed, such as bias and gelu.

import type { CallKernel, Epilogue } from '../../../plan/kernel.ts';
import { BYTES_PER_ELEMENT } from '../../../array/dtype.ts';
import { rowMajorStrides } from '../../../array/shape.ts';
import { times } from '../kernel/addressing.ts';
import type { I32 } from '../assembler/code.ts';
import { i32 } from '../assembler/instructions.ts';
import { collapse, type Dimension } from '../../../array/view.ts';
import type { PhaseBody } from '../kernel/kernel-code.ts';
import { mapRow, type RowOperand } from '../elementwise/expression-loop.ts';
import { forEachRow } from '../kernel/nested-loops.ts';

/** A block of rows of a result. */
interface ResultBlock {
  /** The first row, and how many. */
  readonly row: I32;
  readonly rows: I32;
  /** The first element in each row, and how many. */
  readonly column: I32;
  readonly columns: I32 | number;
}

/**
 * Code that does the epilogue of a kernel on a block of its result. The block lies in the memory of the
 * kernel's first output. A kernel without an epilogue gets no code.
 *
 * @param rowSize Elements of a row of the result.
 */
export function emitEpilogue(
  kernel: CallKernel,
  body: PhaseBody,
  rowSize: number,
  { row, rows, column, columns }: ResultBlock,
): void {
  const { epilogue, outputs } = kernel;
  if (epilogue === undefined) return;
  const extra = kernel.inputs.slice(epilogue.operands);
  const operands = [outputs[0], ...extra, ...outputs];
  const { outer, inner } = splitRows(epilogue, operands, rowSize);
  const bytes = operands.map(({ dtype }) => BYTES_PER_ELEMENT[dtype]);
  const { f, routines } = body;
  const begin = f.keep(row);
  const place = {
    ...body,
    inputs: [body.outputs[0], ...body.inputs.slice(epilogue.operands)],
    begin,
    end: f.keep(i32.add(begin, rows)),
  };
  forEachRow(place, outer, bytes, (pointers) => {
    const at = operands.map(({ dtype }, i): RowOperand => {
      const stride = inner[i];
      const shift = times(column, stride * bytes[i]);
      return { dtype, stride, address: stride === 0 ? pointers[i] : i32.add(pointers[i], shift) };
    });
    const inputs = at.slice(0, 1 + extra.length);
    const work = { expression: epilogue.expression, inputs, f, routines };
    mapRow(work, at.slice(1 + extra.length), columns);
  });
}

/** The loops over the rows of the work, and how far each operand moves along a row. */
function splitRows(
  { shape }: Epilogue,
  operands: CallKernel['inputs'],
  rowSize: number,
): { readonly outer: readonly Dimension[]; readonly inner: readonly number[] } {
  let axes = 0;
  for (let size = 1; size !== rowSize; axes++) size *= shape[shape.length - 1 - axes];
  const strides = operands.map(({ view }, i) => (i === 0 ? rowMajorStrides(shape) : view.strides));
  const part = (from: number, to?: number): Dimension[] =>
    collapse(
      shape.slice(from, to),
      strides.map((each) => each.slice(from, to)),
    );
  const row = part(shape.length - axes).at(0);
  return {
    outer: part(0, shape.length - axes),
    inner: row?.strides ?? operands.map(() => 1),
  };
}
