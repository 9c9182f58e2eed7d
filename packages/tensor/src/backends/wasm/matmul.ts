import type { CallKernel } from '../../compile/kernel.ts';
import { atMost, byteOffset, plus, times } from './addressing.ts';
import type { I32 } from './assembler/code.ts';
import type { FunctionBuilder } from './assembler/function.ts';
import { i32, memory } from './assembler/instructions.ts';
import { emitEpilogue } from './epilogue.ts';
import { collapse, countOf, type Dimension } from './iteration.ts';
import type { KernelCode, Phase, PhaseBody } from './kernel-code.ts';
import { packCall, packRoutine, type PanelStrides } from './packing.ts';
import { DEPTH_BLOCK, EDGE_BYTES, leftBytes, leftPanelBytes, productRoutine } from './product.ts';
import { TILE_COLUMNS, TILE_ROWS } from './tile.ts';

/** Rows of the left operand that one unit packs, at most: with their depth they stay in the cache. */
const MOST_ROWS = 64;

/** Rows, at least, for which packing pays. */
const FEWEST_ROWS = 16;

/** Columns of one unit, at least. */
const FEWEST_COLUMNS = 64;

/** What a core multiplies in a nanosecond, roughly. */
const FLOPS_PER_NANOSECOND = 40;

/** As many units as several threads can share evenly. */
const ENOUGH_UNITS = 16;

/** An operand of a product: the left one by its rows, the right one by its columns. */
interface Side {
  readonly operand: 0 | 1;
  /** Rows of the left operand or columns of the right one. */
  readonly size: number;
  /** How many of them are one panel. */
  readonly width: number;
  readonly strides: PanelStrides;
  /** Matrices that differ: 1 where the whole batch shares one. */
  readonly matrices: number;
}

/** A product of matrices: `y[m, n] = Σ_k a[m, k] · b[k, n]` for each index of the batch. */
interface Product {
  readonly left: Side;
  readonly right: Side;
  readonly k: number;
  /** Loops over the batch; strides of a and b in elements. */
  readonly batch: readonly Dimension[];
  /** Rows and columns of the result that are one unit. */
  readonly rows: number;
  readonly columns: number;
  /** Whether several units read the same rows of a, so that all of it is packed first. */
  readonly packsLeft: boolean;
}

/**
 * `y[…, m, n] = Σ_k a[…, m, k] · b[…, k, n]` of operands with any strides: transposed ones are packed as
 * fast as others, so there are no transposed forms.
 *
 * First all of b is packed into panels of eight columns, then each unit packs some rows of a into
 * panels of four and multiplies them; where several units need the same rows, a is packed first as
 * well. Where the whole batch shares b, its rows count as rows of one tall a.
 *
 * Source: Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication".
 */
export function matmul(kernel: CallKernel): KernelCode {
  const product = productOf(kernel);
  const { left, right, k, batch, packsLeft } = product;
  const count = countOf(batch) * left.size * right.size;
  if (count === 0) return { phases: [] };
  if (k === 0) return { phases: [clear(kernel, right.size, count)] };
  const packed = packsLeft ? [right, left] : [right];
  return {
    phases: [pack(product, packed), multiply(kernel, product)],
    workspaceBytes: packed.reduce((bytes, side) => bytes + panelBytes(side, k), 0),
    scratchBytes: EDGE_BYTES + leftBytes(product.rows, Math.min(k, DEPTH_BLOCK)),
  };
}

function productOf({ inputs: [a, b] }: CallKernel): Product {
  const batch = collapse(a.view.shape.slice(0, -2), [a.view, b.view]);
  let [m] = a.view.shape.slice(-2);
  let [rowStride] = a.view.strides.slice(-2);
  const [k, n] = b.view.shape.slice(-2);
  const [bStep, bColumn] = b.view.strides.slice(-2);
  for (;;) {
    const last = batch.at(-1);
    if (last === undefined || last.strides[1] !== 0) break;
    if (m === 1) [rowStride] = last.strides;
    else if (last.strides[0] !== rowStride * m) break;
    batch.pop();
    m *= last.size;
  }
  const matrices = (operand: 0 | 1): number =>
    batch.every(({ strides }) => strides[operand] === 0) ? 1 : countOf(batch);
  const left: Side = {
    operand: 0,
    size: m,
    width: TILE_ROWS,
    strides: { row: rowStride, step: a.view.strides[a.view.strides.length - 1] },
    matrices: matrices(0),
  };
  const right: Side = {
    operand: 1,
    size: n,
    width: TILE_COLUMNS,
    strides: { row: bColumn, step: bStep },
    matrices: matrices(1),
  };
  return { left, right, k, batch, ...blocksOf(m, n, countOf(batch)) };
}

/** How the result is cut into units: as large as leaves enough of them. */
function blocksOf(
  m: number,
  n: number,
  count: number,
): Pick<Product, 'rows' | 'columns' | 'packsLeft'> {
  let rows = MOST_ROWS;
  let columns = roundUp(n, TILE_COLUMNS);
  const units = (): number => count * Math.ceil(m / rows) * Math.ceil(n / columns);
  while (units() < ENOUGH_UNITS && columns > FEWEST_COLUMNS) {
    columns = roundUp(columns / 2, TILE_COLUMNS);
  }
  while (units() < ENOUGH_UNITS && rows > FEWEST_ROWS) rows /= 2;
  return { rows, columns, packsLeft: columns < n };
}

function roundUp(n: number, multiple: number): number {
  return Math.ceil(n / multiple) * multiple;
}

/** Bytes of all panels of an operand. */
function panelBytes({ size, width, matrices }: Side, k: number): number {
  return 4 * matrices * k * roundUp(size, width);
}

/** Of no steps: zeros. */
function clear(kernel: CallKernel, n: number, count: number): Phase {
  return {
    units: 1,
    unitCost: count,
    emit: (body) => {
      const [result] = body.outputs;
      body.f.emit(memory.fill(result, i32.const(0), i32.const(4 * count)));
      const zero = i32.const(0);
      const whole = { row: zero, rows: i32.const(count / n), column: zero, columns: n };
      emitEpilogue(kernel, body, n, whole);
    },
  };
}

/** Packs whole operands: a unit is one panel of one block of the depth of one of them. */
function pack(product: Product, sides: readonly Side[]): Phase {
  const { k } = product;
  const depthBlocks = Math.ceil(k / DEPTH_BLOCK);
  const unitsOf = ({ size, width, matrices }: Side): number =>
    matrices * depthBlocks * Math.ceil(size / width);
  const units = sides.reduce((sum, side) => sum + unitsOf(side), 0);
  return {
    units,
    unitCost: TILE_COLUMNS * Math.min(k, DEPTH_BLOCK),
    emit: (body) => {
      const { f } = body;
      f.for({ from: body.begin, to: body.end }, (unit) => {
        const [first, second] = sides;
        const packFrom = (side: Side, from: number): void => {
          packPanel(body, product, side, f.keep(plus(unit, -from)));
        };
        if (sides.length === 1) packFrom(first, 0);
        else {
          f.if(
            i32.lt_u(unit, i32.const(unitsOf(first))),
            () => {
              packFrom(first, 0);
            },
            () => {
              packFrom(second, unitsOf(first));
            },
          );
        }
      });
    },
  };
}

/** Packs panel `unit` of an operand into the workspace. */
function packPanel(body: PhaseBody, product: Product, side: Side, unit: I32): void {
  const { f, routines, inputs, workspace } = body;
  const { k, batch } = product;
  const { operand, size, width, strides, matrices } = side;
  const panels = Math.ceil(size / width);
  const depthBlocks = Math.ceil(k / DEPTH_BLOCK);
  const panel = f.keep(i32.rem_u(unit, i32.const(panels)));
  const block = f.keep(i32.div_u(unit, i32.const(panels)));
  const index = f.keep(i32.div_u(block, i32.const(depthBlocks)));
  const start = f.keep(times(i32.rem_u(block, i32.const(depthBlocks)), DEPTH_BLOCK));
  const depth = f.keep(depthFrom(f, start, k));
  const row = f.keep(times(panel, width));
  const matrix =
    matrices === 1
      ? inputs[operand]
      : i32.add(inputs[operand], batchOffset(f, index, batch, operand));
  packCall(f, packRoutine(routines, width, strides), {
    to: i32.add(panelsOf(product, side, workspace, index, start), times(i32.mul(row, depth), 4)),
    from: i32.add(matrix, i32.add(times(row, 4 * strides.row), times(start, 4 * strides.step))),
    depth,
    rows: atMost(f.keep(i32.sub(i32.const(size), row)), width),
    strides,
  });
}

/** Multiplies: a unit is a block of rows and columns of one matrix of the result. */
function multiply(kernel: CallKernel, product: Product): Phase {
  const { left, right, k, batch, packsLeft } = product;
  const [m, n] = [left.size, right.size];
  const rowBlocks = Math.ceil(m / product.rows);
  const columnBlocks = Math.ceil(n / product.columns);
  const flops = 2 * Math.min(m, product.rows) * Math.min(n, product.columns) * k;
  return {
    units: countOf(batch) * rowBlocks * columnBlocks,
    unitCost: Math.ceil(flops / FLOPS_PER_NANOSECOND),
    emit: (body) => {
      const { f, routines, outputs, workspace, scratch, begin, end } = body;
      const routine = productRoutine(routines);
      const own = f.keep(plus(scratch, EDGE_BYTES));
      f.for({ from: begin, to: end }, (unit) => {
        const columnBlock = f.keep(i32.rem_u(unit, i32.const(columnBlocks)));
        const rest = f.keep(i32.div_u(unit, i32.const(columnBlocks)));
        const index = f.keep(i32.div_u(rest, i32.const(rowBlocks)));
        const row = f.keep(times(i32.rem_u(rest, i32.const(rowBlocks)), product.rows));
        const column = f.keep(times(columnBlock, product.columns));
        const rows = f.keep(atMost(f.keep(i32.sub(i32.const(m), row)), product.rows));
        const columns = f.keep(atMost(f.keep(i32.sub(i32.const(n), column)), product.columns));
        const resultRow = f.keep(i32.add(times(index, m), row));
        const at = i32.add(times(resultRow, n), column);
        const to = f.keep(i32.add(outputs[0], times(at, 4)));
        f.for({ from: 0, to: k, step: DEPTH_BLOCK }, (start) => {
          const depth = f.keep(depthFrom(f, start, k));
          const panelsAt = (side: Side, first: I32): I32 =>
            i32.add(
              panelsOf(product, side, workspace, index, start),
              times(i32.mul(first, depth), 4),
            );
          if (!packsLeft) packRows(body, product, { to: own, index, row, start, depth, rows });
          const leftPanels = packsLeft ? panelsAt(left, row) : own;
          const rightPanels = panelsAt(right, column);
          const rowBytes = i32.const(4 * n);
          f.call(
            routine,
            leftPanels,
            rows,
            rightPanels,
            columns,
            depth,
            to,
            rowBytes,
            start,
            scratch,
          );
        });
        emitEpilogue(kernel, body, n, { row: resultRow, rows, column, columns });
      });
    },
  };
}

/** Packs some rows of a from step `start` on, in panels of four. */
function packRows(
  { f, routines, inputs }: PhaseBody,
  { left: { strides }, batch }: Product,
  block: {
    readonly to: I32;
    readonly index: I32;
    readonly row: I32;
    readonly start: I32;
    readonly depth: I32;
    readonly rows: I32;
  },
): void {
  const routine = packRoutine(routines, TILE_ROWS, strides);
  const matrix =
    batch.length === 0 ? inputs[0] : i32.add(inputs[0], batchOffset(f, block.index, batch, 0));
  const place = i32.add(times(block.row, 4 * strides.row), times(block.start, 4 * strides.step));
  const to = f.keep(block.to);
  const from = f.keep(i32.add(matrix, place));
  const panelStep = f.keep(times(block.depth, leftPanelBytes(1)));
  f.for({ from: 0, to: block.rows, step: TILE_ROWS }, (row) => {
    const rows = atMost(f.keep(i32.sub(block.rows, row)), TILE_ROWS);
    packCall(f, routine, { to, from, depth: block.depth, rows, strides });
    f.increase(to, panelStep);
    f.increase(from, 4 * TILE_ROWS * strides.row);
  });
}

/** Where the panels of one matrix of an operand begin for the block of the depth that starts at `start`. */
function panelsOf({ k, right }: Product, side: Side, workspace: I32, index: I32, start: I32): I32 {
  const steps = side.matrices === 1 ? start : i32.add(times(index, k), start);
  const offset = side.operand === 1 ? 0 : panelBytes(right, k);
  return plus(i32.add(workspace, times(steps, 4 * roundUp(side.size, side.width))), offset);
}

function batchOffset(
  f: FunctionBuilder,
  index: I32,
  batch: readonly Dimension[],
  operand: 0 | 1,
): I32 {
  const view = {
    shape: batch.map(({ size }) => size),
    strides: batch.map(({ strides }) => strides[operand]),
  };
  return byteOffset(f, index, view, 4);
}

/** The steps of the block that starts at `start`. */
function depthFrom(f: FunctionBuilder, start: I32, k: number): I32 {
  return atMost(f.keep(i32.sub(i32.const(k), start)), DEPTH_BLOCK);
}
