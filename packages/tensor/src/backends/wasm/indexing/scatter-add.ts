// scatterAdd: sums elements at computed indices, each unit owning some rows of the result.

import type { CallKernel } from '../../../plan/kernel.ts';
import type { GatherParams } from '../../../primitives/gather.ts';
import { rowMajorStrides, sizeOf } from '../../../array/shape.ts';
import { atMost, byteOffset, least, times } from '../kernel/addressing.ts';
import type { I32 } from '../assembler/code.ts';
import { f32, f64, i32 } from '../assembler/instructions.ts';
import { collapse, countOf, type Dimension } from '../../../array/view.ts';
import { zeroRow } from '../kernel/copies.ts';
import type { KernelCode, Phase, PhaseBody } from '../kernel/kernel-code.ts';

/** The most columns that a unit owns. */
const MOST_COLUMNS = 32;
/** The most bytes of the sums of a unit. */
const SUM_BYTES = 2 ** 20;
/** Elements of the result that a unit sets to 0. */
const ZEROED = 4096;

/**
 * How the sums are cut. A unit owns some rows along the axis of some columns. It reads all indices of these
 * columns.
 */
interface Layout {
  /** How many indices there are along the axis, and the strides along it of index, source and result. */
  readonly indices: number;
  readonly strides: readonly number[];
  /** Rows of the result along the axis. */
  readonly rows: number;
  readonly outer: readonly Dimension[];
  /** The dimension whose elements lie side by side in the result. */
  readonly columns: Dimension;
  readonly columnsPerUnit: number;
  readonly blocks: number;
  readonly rowsPerUnit: number;
  readonly ranges: number;
  readonly isFloat: boolean;
  /** Bytes of a sum. */
  readonly bytes: number;
}

/**
 * `y = 0; y[…, index[…, i, …], …] += source[…, i, …]` along axis. Sums of float32 are taken in float64,
 * in the order of i.
 */
export function scatterAdd(
  kernel: CallKernel,
  { axis, shape }: GatherParams['scatterAdd'],
): KernelCode {
  const size = sizeOf(shape);
  const indexShape = kernel.inputs[0].view.shape;
  const isCovered = indexShape.every((n, i) => i === axis || n === shape[i]);
  if (sizeOf(indexShape) === 0) return { phases: [zero(size)] };
  const layout = cut(kernel, axis);
  const { rowsPerUnit, columnsPerUnit, bytes, indices } = layout;
  const sums: Phase = {
    units: countOf(layout.outer) * layout.blocks * layout.ranges,
    unitCost: (indices + 2 * Math.min(layout.rows, rowsPerUnit)) * columnsPerUnit,
    emit: (body) => {
      emitUnits(body, layout);
    },
  };
  return {
    phases: isCovered ? [sums] : [zero(size), sums],
    scratchBytes: rowsPerUnit * columnsPerUnit * bytes,
  };
}

function zero(size: number): Phase {
  return {
    units: Math.ceil(size / ZEROED),
    unitCost: ZEROED / 16,
    key: 'zero',
    constants: [size],
    emit: ({ f, routines, outputs, begin, end, constants }) => {
      const first = f.keep(times(begin, ZEROED));
      const limit = f.keep(times(end, ZEROED));
      const last = least(limit, constants[0]);
      const to = i32.add(outputs[0], times(first, 4));
      zeroRow(routines).call(f, { to, count: i32.sub(last, first) });
    },
  };
}

function cut(kernel: CallKernel, axis: number): Layout {
  const [index, source] = kernel.inputs;
  const { shape } = kernel.outputs[0].view;
  const strides = [index.view.strides, source.view.strides, rowMajorStrides(shape)];
  const others = index.view.shape.map((n, i) => (i === axis ? 1 : n));
  const outer = collapse(others, strides);
  const hasColumns = outer.at(-1)?.strides[2] === 1;
  const columns = (hasColumns ? outer.pop() : undefined) ?? {
    size: 1,
    strides: [0, 0, 0],
    marked: false,
  };
  const columnsPerUnit = Math.min(columns.size, MOST_COLUMNS);
  const isFloat = source.dtype === 'float32';
  const bytes = isFloat ? 8 : 4;
  const rows = shape[axis];
  const rowsPerUnit = Math.min(
    Math.max(1, rows),
    Math.max(1, Math.floor(SUM_BYTES / (bytes * columnsPerUnit))),
  );
  return {
    indices: index.view.shape[axis],
    strides: strides.map((each) => each[axis]),
    rows,
    outer,
    columns,
    columnsPerUnit,
    blocks: Math.ceil(columns.size / columnsPerUnit),
    rowsPerUnit,
    ranges: Math.max(1, Math.ceil(rows / rowsPerUnit)),
    isFloat,
    bytes,
  };
}

/** What the code of a unit has at hand. */
interface Unit {
  /** Addresses of the first index, source and result of the unit's columns. */
  readonly pointers: readonly I32[];
  /** Columns. */
  readonly width: I32;
  /** The first row, and how many there are. */
  readonly row: I32;
  readonly rows: I32;
}

function emitUnits(body: PhaseBody, layout: Layout): void {
  const { f, routines, scratch, begin, end, inputs, outputs } = body;
  const { outer, columns, columnsPerUnit, blocks, rowsPerUnit, ranges } = layout;
  const shape = outer.map(({ size }) => size);
  f.for({ from: begin, to: end }, (unit) => {
    const range = f.keep(i32.rem_u(unit, i32.const(ranges)));
    const rest = f.keep(i32.div_u(unit, i32.const(ranges)));
    const column = f.keep(times(i32.rem_u(rest, i32.const(blocks)), columnsPerUnit));
    const place = f.keep(i32.div_u(rest, i32.const(blocks)));
    const pointers = [...inputs, ...outputs].map((address, i) => {
      const strides = outer.map((dimension) => dimension.strides[i]);
      const start = i32.add(address, byteOffset(f, place, { shape, strides }, 4));
      return f.keep(i32.add(start, times(column, 4 * columns.strides[i])));
    });
    const width = f.keep(atMost(f.keep(i32.sub(i32.const(columns.size), column)), columnsPerUnit));
    const row = f.keep(times(range, rowsPerUnit));
    const rows = f.keep(atMost(f.keep(i32.sub(i32.const(layout.rows), row)), rowsPerUnit));
    const count = times(i32.mul(rows, width), layout.bytes / 4);
    zeroRow(routines).call(f, { to: scratch, count });
    const now: Unit = { pointers, width, row, rows };
    addAll(body, layout, now);
    writeSums(body, layout, now);
  });
}

/** Adds the elements of the source whose index leads to the rows of the unit. */
function addAll(body: PhaseBody, layout: Layout, { pointers, width, row, rows }: Unit): void {
  const { f, scratch, refuse } = body;
  const { columns, isFloat, bytes } = layout;
  const [indexStep, sourceStep] = columns.strides.map((stride) => 4 * stride);
  const [indices, source] = pointers.map((pointer) => f.keep(pointer));
  const index = f.local('i32');
  const sums = f.local('i32');
  const sum = f.local('i32');
  const isInside = i32.lt_u(i32.sub(index, row), rows);
  const checkIndex = (): void => {
    f.if(i32.ge_u(index, i32.const(layout.rows)), () => {
      refuse(index);
    });
  };
  const add = (from: I32): void => {
    if (isFloat) f.emit(f64.store(sum, f64.add(f64.load(sum), f64.promote_f32(f32.load(from)))));
    else f.emit(i32.store(sum, i32.add(i32.load(sum), i32.load(from))));
  };
  const addRow = (): void => {
    const from = f.keep(source);
    f.set(sum, sums);
    f.for({ from: 0, to: width }, () => {
      add(from);
      f.increase(from, sourceStep);
      f.increase(sum, bytes);
    });
  };
  const addOneByOne = (): void => {
    const from = f.keep(source);
    const at = f.keep(indices);
    f.for({ from: 0, to: width }, (column) => {
      f.set(index, i32.load(at));
      checkIndex();
      f.if(isInside, () => {
        f.set(
          sum,
          sumAddress(scratch, i32.add(i32.mul(i32.sub(index, row), width), column), bytes),
        );
        add(from);
      });
      f.increase(from, sourceStep);
      f.increase(at, indexStep);
    });
  };
  f.for({ from: 0, to: layout.indices }, () => {
    if (indexStep === 0) {
      f.set(index, i32.load(indices));
      checkIndex();
      f.if(isInside, () => {
        f.set(sums, sumAddress(scratch, i32.mul(i32.sub(index, row), width), bytes));
        addRow();
      });
    } else {
      addOneByOne();
    }
    f.increase(indices, 4 * layout.strides[0]);
    f.increase(source, 4 * layout.strides[1]);
  });
}

function sumAddress(scratch: I32, place: I32, bytes: number): I32 {
  return i32.add(scratch, times(place, bytes));
}

/** Writes the sums to their places in the result. */
function writeSums(body: PhaseBody, layout: Layout, { pointers, width, row, rows }: Unit): void {
  const { f, scratch } = body;
  const { isFloat, bytes, strides } = layout;
  const line = f.keep(i32.add(pointers[2], times(row, 4 * strides[2])));
  const sum = f.keep(scratch);
  f.for({ from: 0, to: rows }, () => {
    const to = f.keep(line);
    f.for({ from: 0, to: width }, () => {
      f.emit(isFloat ? f32.store(to, f32.demote_f64(f64.load(sum))) : i32.store(to, i32.load(sum)));
      f.increase(to, 4);
      f.increase(sum, bytes);
    });
    f.increase(line, 4 * strides[2]);
  });
}
