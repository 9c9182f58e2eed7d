import type { CallKernel } from '../../compile/kernel.ts';
import { byteOffset, plus, times } from './addressing.ts';
import type { I32 } from './assembler/code.ts';
import type { FunctionBuilder } from './assembler/function.ts';
import { i32, memory, select } from './assembler/instructions.ts';
import { emitEpilogue } from './epilogue.ts';
import { collapse, countOf, type Dimension } from './iteration.ts';
import type { KernelCode, Phase, PhaseBody } from './kernel-code.ts';
import { packCall, packRoutine } from './packing.ts';
import { DEPTH_BLOCK, EDGE_BYTES, leftBytes, leftPanelBytes, productRoutine } from './product.ts';
import { TILE_COLUMNS, TILE_ROWS } from './tile.ts';

/** Rows of the left operand that one unit packs, at most: with their depth they stay in the cache. */
const MOST_ROWS = 64;

/** Rows, at least, for which packing pays. */
const FEWEST_ROWS = 16;

/** Columns of one unit, at least. */
const FEWEST_COLUMNS = 64;

/** As many units as several threads can share evenly. */
const ENOUGH_UNITS = 16;

/** A product of matrices: `y[m, n] = Σ_k a[m, k] · b[k, n]` for each index of the batch. */
interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Loops over the batch; strides of a and b in elements. */
  readonly batch: readonly Dimension[];
  /** Elements from row to row and from step to step of a. */
  readonly a: { readonly row: number; readonly step: number };
  /** Elements from column to column and from step to step of b. */
  readonly b: { readonly row: number; readonly step: number };
  /** Matrices b that differ: 1 where the whole batch shares one. */
  readonly rights: number;
}

/**
 * `y[…, m, n] = Σ_k a[…, m, k] · b[…, k, n]` of operands with any strides: transposed ones are packed as
 * fast as others, so there are no transposed forms.
 *
 * First all of b is packed into panels of eight columns, then each unit packs some rows of a and
 * multiplies them. Where the whole batch shares b, its rows count as rows of one tall a.
 *
 * Source: Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication".
 */
export function matmul(kernel: CallKernel): KernelCode {
  const product = productOf(kernel);
  const { m, n, k, batch } = product;
  const count = countOf(batch) * m * n;
  if (count === 0) return { phases: [] };
  if (k === 0) return { phases: [clear(kernel, product, count)] };
  const depth = Math.min(k, DEPTH_BLOCK);
  const blocks = blocksOf(product);
  return {
    phases: [packRight(product), multiply(kernel, product, blocks)],
    workspaceBytes: 4 * product.rights * k * padded(n),
    scratchBytes: EDGE_BYTES + leftBytes(blocks.rows, depth),
  };
}

function productOf({ inputs: [a, b] }: CallKernel): Product {
  const shape = a.view.shape.slice(0, -2);
  const batch = collapse(shape, [a.view, b.view]);
  const [rows, k] = a.view.shape.slice(-2);
  const [rowStride, stepStride] = a.view.strides.slice(-2);
  const [bStep, bColumn] = b.view.strides.slice(-2);
  let m = rows;
  let row = rowStride;
  for (;;) {
    const last = batch.at(-1);
    if (last === undefined || last.strides[1] !== 0) break;
    if (m === 1) row = last.strides[0];
    else if (last.strides[0] !== row * m) break;
    batch.pop();
    m *= last.size;
  }
  const shared = batch.every(({ strides }) => strides[1] === 0);
  return {
    m,
    n: b.view.shape[b.view.shape.length - 1],
    k,
    batch,
    a: { row, step: stepStride },
    b: { row: bColumn, step: bStep },
    rights: shared ? 1 : countOf(batch),
  };
}

/** How the result is cut into units. */
interface Blocks {
  readonly rows: number;
  readonly columns: number;
}

function blocksOf({ m, n, batch }: Product): Blocks {
  let rows = MOST_ROWS;
  let columns = padded(n);
  const units = (): number => countOf(batch) * Math.ceil(m / rows) * Math.ceil(n / columns);
  while (units() < ENOUGH_UNITS && rows > FEWEST_ROWS) rows /= 2;
  while (units() < ENOUGH_UNITS && columns > FEWEST_COLUMNS) columns = padded(columns / 2);
  return { rows, columns };
}

/** `n` rounded up to whole panels. */
function padded(n: number): number {
  return Math.ceil(n / TILE_COLUMNS) * TILE_COLUMNS;
}

/** Of no steps: zeros. */
function clear(kernel: CallKernel, { n }: Product, count: number): Phase {
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

/** Packs all of b: a unit is one panel of one block of the depth. */
function packRight(product: Product): Phase {
  const { n, k, batch, b, rights } = product;
  const depthBlocks = Math.ceil(k / DEPTH_BLOCK);
  const panels = padded(n) / TILE_COLUMNS;
  return {
    units: rights * depthBlocks * panels,
    unitCost: TILE_COLUMNS * Math.min(k, DEPTH_BLOCK),
    emit: ({ f, routines, inputs, workspace, begin, end }) => {
      const pack = packRoutine(routines, TILE_COLUMNS, b);
      f.for({ from: begin, to: end }, (unit) => {
        const panel = f.keep(i32.rem_u(unit, i32.const(panels)));
        const block = f.keep(i32.div_u(unit, i32.const(panels)));
        const index = f.keep(i32.div_u(block, i32.const(depthBlocks)));
        const start = f.keep(times(i32.rem_u(block, i32.const(depthBlocks)), DEPTH_BLOCK));
        const depth = f.keep(depthFrom(f, start, k));
        const column = f.keep(times(panel, TILE_COLUMNS));
        const matrix =
          rights === 1 ? inputs[1] : i32.add(inputs[1], batchOffset(f, index, batch, 1));
        const from = i32.add(matrix, i32.add(times(column, 4 * b.row), times(start, 4 * b.step)));
        const packed = i32.add(
          panelsOf(product, workspace, rights === 1 ? null : index, start),
          times(i32.mul(column, depth), 4),
        );
        const columns = i32.sub(i32.const(n), column);
        packCall(f, pack, {
          to: packed,
          from,
          depth,
          rows: atMost(f, columns, TILE_COLUMNS),
          strides: b,
        });
      });
    },
  };
}

/** Multiplies: a unit is a block of rows and columns of one matrix of the result. */
function multiply(kernel: CallKernel, product: Product, blocks: Blocks): Phase {
  const { m, n, k, batch, a, rights } = product;
  const rowBlocks = Math.ceil(m / blocks.rows);
  const columnBlocks = Math.ceil(n / blocks.columns);
  return {
    units: countOf(batch) * rowBlocks * columnBlocks,
    unitCost: Math.ceil((2 * Math.min(m, blocks.rows) * Math.min(n, blocks.columns) * k) / 40),
    emit: (body) => {
      const { f, routines, inputs, outputs, workspace, scratch, begin, end } = body;
      const routine = productRoutine(routines);
      const left = f.keep(plus(scratch, EDGE_BYTES));
      f.for({ from: begin, to: end }, (unit) => {
        const columnBlock = f.keep(i32.rem_u(unit, i32.const(columnBlocks)));
        const rest = f.keep(i32.div_u(unit, i32.const(columnBlocks)));
        const index = f.keep(i32.div_u(rest, i32.const(rowBlocks)));
        const row = f.keep(times(i32.rem_u(rest, i32.const(rowBlocks)), blocks.rows));
        const column = f.keep(times(columnBlock, blocks.columns));
        const rows = f.keep(atMost(f, i32.sub(i32.const(m), row), blocks.rows));
        const columns = f.keep(atMost(f, i32.sub(i32.const(n), column), blocks.columns));
        const matrix =
          batch.length === 0 ? inputs[0] : i32.add(inputs[0], batchOffset(f, index, batch, 0));
        const from = f.keep(i32.add(matrix, times(row, 4 * a.row)));
        const resultRow = f.keep(i32.add(times(index, m), row));
        const at = i32.add(times(resultRow, n), column);
        const to = f.keep(i32.add(outputs[0], times(at, 4)));
        f.for({ from: 0, to: k, step: DEPTH_BLOCK }, (start) => {
          const depth = f.keep(depthFrom(f, start, k));
          packLeft(body, product, { to: left, from, start, depth, rows });
          const panels = i32.add(
            panelsOf(product, workspace, rights === 1 ? null : index, start),
            times(i32.mul(column, depth), 4),
          );
          f.call(routine, left, rows, panels, columns, depth, to, i32.const(4 * n), start, scratch);
        });
        emitEpilogue(kernel, body, n, { row: resultRow, rows, column, columns });
      });
    },
  };
}

/** Packs `rows` rows of a from step `start` on, in panels of four. */
function packLeft(
  { f, routines }: PhaseBody,
  { a }: Product,
  block: {
    readonly to: I32;
    readonly from: I32;
    readonly start: I32;
    readonly depth: I32;
    readonly rows: I32;
  },
): void {
  const pack = packRoutine(routines, TILE_ROWS, a);
  const to = f.keep(block.to);
  const from = f.keep(i32.add(block.from, times(block.start, 4 * a.step)));
  const panelBytes = f.keep(times(block.depth, leftPanelBytes(1)));
  f.for({ from: 0, to: block.rows, step: TILE_ROWS }, (row) => {
    const rows = atMost(f, i32.sub(block.rows, row), TILE_ROWS);
    packCall(f, pack, { to, from, depth: block.depth, rows, strides: a });
    f.increase(to, panelBytes);
    f.increase(from, 4 * TILE_ROWS * a.row);
  });
}

/** Where the panels of one matrix b begin for the block of the depth that starts at `start`. */
function panelsOf({ k, n }: Product, workspace: I32, index: I32 | null, start: I32): I32 {
  const steps = index === null ? start : i32.add(times(index, k), start);
  return i32.add(workspace, times(steps, 4 * padded(n)));
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
  return atMost(f, i32.sub(i32.const(k), start), DEPTH_BLOCK);
}

/** The smaller of `x` and `limit`. */
function atMost(f: FunctionBuilder, x: I32, limit: number): I32 {
  const kept = f.keep(x);
  return select(i32.lt_s(kept, i32.const(limit)), kept, i32.const(limit));
}
