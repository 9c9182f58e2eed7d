// Gather: reads elements or copies whole rows at computed indices, and refuses wrong indices.

import type { CallKernel } from '../../../plan/kernel.ts';
import { BYTES_PER_ELEMENT } from '../../../array/dtype.ts';
import type { GatherParams } from '../../../primitives/gather.ts';
import { sizeOf } from '../../../array/shape.ts';
import { atMost, byteOffset, times } from '../kernel/addressing.ts';
import type { I32 } from '../assembler/code.ts';
import { i32 } from '../assembler/instructions.ts';
import { collectRow, copyRow } from '../kernel/copies.ts';
import { collapse, countOf } from '../../../array/view.ts';
import type { KernelCode, PhaseBody } from '../kernel/kernel-code.ts';

/** Elements of a unit, roughly. */
const BLOCK = 2048;

/**
 * `y[…, i, …] = x[…, index[…, i, …], …]` along axis. Rows are copied where the index is the same along
 * them.
 */
export function gather(kernel: CallKernel, { axis }: GatherParams['gather']): KernelCode {
  const [x, index] = kernel.inputs;
  const [y] = kernel.outputs;
  const { shape } = index.view;
  if (sizeOf(shape) === 0) return { phases: [] };
  // The places of the elements if all indices were 0.
  const starts = x.view.strides.map((stride, i) => (i === axis ? 0 : stride));
  const outer = collapse(shape, [starts, index.view.strides, y.view.strides]);
  const inner = outer.pop() ?? { size: 1, strides: [0, 0, 1] };
  const bytes = BYTES_PER_ELEMENT[x.dtype];
  const widths = [bytes, BYTES_PER_ELEMENT.int32, bytes];
  const rowsPerUnit = Math.max(1, Math.floor(BLOCK / inner.size));
  const blocksPerRow = Math.ceil(inner.size / BLOCK);
  const rows = countOf(outer);
  const row: Row = {
    count: x.view.shape[axis],
    indexedBytes: bytes * x.view.strides[axis],
    bytes,
    steps: inner.strides.map((stride, i) => stride * widths[i]),
  };
  const outerShape = outer.map(({ size }) => size);
  const emit = (body: PhaseBody): void => {
    const { f, begin, end } = body;
    const pointersAt = (at: I32, first: I32): Pointers => {
      const [from, indices, to] = [...body.inputs, ...body.outputs].map((address, i) => {
        const strides = outer.map((dimension) => dimension.strides[i]);
        const offset = byteOffset(f, at, { shape: outerShape, strides }, widths[i]);
        return f.keep(i32.add(i32.add(address, offset), times(first, row.steps[i])));
      });
      return { from, indices, to };
    };
    if (blocksPerRow > 1) {
      f.for({ from: begin, to: end }, (unit) => {
        const at = f.keep(i32.div_u(unit, i32.const(blocksPerRow)));
        const first = f.keep(times(i32.rem_u(unit, i32.const(blocksPerRow)), BLOCK));
        const rest = f.keep(i32.sub(i32.const(inner.size), first));
        const length = f.keep(atMost(rest, BLOCK));
        gatherRow(body, row, pointersAt(at, first), length);
      });
      return;
    }
    const limit = f.keep(times(end, rowsPerUnit));
    const last = f.keep(atMost(limit, rows));
    f.for({ from: times(begin, rowsPerUnit), to: last }, (at) => {
      gatherRow(body, row, pointersAt(at, i32.const(0)), i32.const(inner.size));
    });
  };
  const units = blocksPerRow > 1 ? rows * blocksPerRow : Math.ceil(rows / rowsPerUnit);
  return { phases: [{ units, unitCost: BLOCK, emit }] };
}

/** A row of the innermost loop. */
interface Row {
  /** Elements of x along the axis. */
  readonly count: number;
  /** Bytes from one of them to the next. */
  readonly indexedBytes: number;
  /** Bytes of an element of x and y. */
  readonly bytes: number;
  /** Bytes that x, index and y move each turn. */
  readonly steps: readonly number[];
}

/** Where the elements of a row begin. */
interface Pointers {
  readonly from: I32;
  readonly indices: I32;
  readonly to: I32;
}

function gatherRow(body: PhaseBody, row: Row, { from, indices, to }: Pointers, length: I32): void {
  const { f, routines } = body;
  const [fromStep, indexStep, toStep] = row.steps;
  if (indexStep === 0 && row.bytes === 4 && toStep === 4) {
    withIndex(body, row, i32.load(indices), (offset) => {
      const start = i32.add(from, offset);
      const copy = { to, from: start, count: length };
      if (fromStep === 4) copyRow(routines).call(f, copy);
      else collectRow(routines).call(f, { ...copy, step: i32.const(fromStep) });
    });
    return;
  }
  const [source, at, target] = [from, indices, to].map((address) => f.keep(address));
  f.for({ from: 0, to: length }, () => {
    withIndex(body, row, i32.load(at), (offset) => {
      const start = i32.add(source, offset);
      f.emit(
        row.bytes === 4
          ? i32.store(target, i32.load(start))
          : i32.store8(target, i32.load8_u(start)),
      );
    });
    f.increase(source, fromStep);
    f.increase(at, indexStep);
    f.increase(target, toStep);
  });
}

/** Code that computes how far an index leads, in bytes, or refuses the index. */
function withIndex(
  { f, refuse }: PhaseBody,
  { count, indexedBytes }: Row,
  index: I32,
  use: (offset: I32) => void,
): void {
  const kept = f.keep(index);
  f.if(
    i32.lt_u(kept, i32.const(count)),
    () => {
      use(times(kept, indexedBytes));
    },
    () => {
      refuse(kept);
    },
  );
}
