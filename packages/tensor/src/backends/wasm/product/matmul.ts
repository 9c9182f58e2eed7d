// Batched matrix products of operands with any strides: pack both into panels, then multiply.

import type { CallKernel } from '../../../plan/kernel.ts';
import { atMost, byteOffset, plus, times } from '../kernel/addressing.ts';
import type { NoParams } from '../../../primitives/primitive.ts';
import type { I32 } from '../assembler/code.ts';
import type { FunctionBuilder } from '../assembler/function.ts';
import { i32, memory } from '../assembler/instructions.ts';
import { emitEpilogue } from './epilogue.ts';
import { countOf } from '../../../array/view.ts';
import { FLOPS_PER_NANOSECOND } from '../kernel/cost.ts';
import type { KernelCode, Phase, PhaseBody, Target } from '../kernel/kernel-code.ts';
import {
  blocksOfRound,
  depthOf,
  panelBytes,
  productOf,
  roundsOf,
  stepBytes,
  type Product,
  type Round,
  type Side,
} from './matmul-layout.ts';
import { packPanels } from './packing.ts';
import { edgeBytes, productRoutine } from './product.ts';
import { tileOf, type Tile } from './tile.ts';

/** Panels that a unit of the packing phase packs: their steps together are whole cache lines. */
const PACKED_PANELS = 8;

/**
 * `y[…, m, n] = Σ_k a[…, m, k] · b[…, k, n]` of operands with any strides. Transposed operands are packed
 * as fast as others, so there are no transposed forms.
 *
 * Operands are packed into panels: a by rows, b by columns. What several units need is packed first, the rest
 * by each unit for itself. Usually b comes first, then each unit packs some rows of a and multiplies them. A
 * long depth takes several rounds of this; each of them adds to the result.
 *
 * Source: Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication".
 */
export function matmul(kernel: CallKernel, _params: NoParams, target: Target): KernelCode {
  const tile = tileOf(target);
  const product = productOf(kernel, tile);
  const { left, right, k, batch } = product;
  const count = countOf(batch) * left.size * right.size;
  if (count === 0) return { phases: [] };
  if (k === 0) return { phases: [clear(kernel, right.size, count)] };
  const packed = [right, left].filter(({ isShared }) => isShared);
  const rounds = roundsOf(product);
  return {
    phases: rounds.flatMap((round) => [
      ...(packed.length === 0 ? [] : [pack(product, packed, round)]),
      multiply(kernel, product, round),
    ]),
    workspaceBytes: packed.reduce((bytes, side) => bytes + panelBytes(side, rounds[0]), 0),
    scratchBytes: scratchPlaces(product, tile)[2],
  };
}

/**
 * Where in a thread's memory the panels of a and of b begin that a unit packs, and where they end, in bytes.
 * Edge tiles come before them.
 */
function scratchPlaces(
  { left, right, k, depth }: Product,
  tile: Tile,
): readonly [left: number, right: number, end: number] {
  const bytesOf = ({ isShared, unit }: Side): number =>
    isShared ? 0 : 4 * unit * Math.min(k, depth);
  const begin = edgeBytes(tile);
  const middle = begin + bytesOf(left);
  return [begin, middle, middle + bytesOf(right)];
}

/** K = 0: the product is all zeros. */
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

/** Packs operands for a round. A unit is some panels, of one operand and one block of the depth. */
function pack(product: Product, sides: readonly Side[], round: Round): Phase {
  const unitsOf = ({ size, width, matrices }: Side): number =>
    matrices * blocksOfRound(product, round) * Math.ceil(size / width / PACKED_PANELS);
  const units = sides.reduce((sum, side) => sum + unitsOf(side), 0);
  return {
    units,
    unitCost: PACKED_PANELS * product.right.width * Math.min(depthOf(round), product.depth),
    emit: (body) => {
      const { f } = body;
      f.for({ from: body.begin, to: body.end }, (unit) => {
        const [first, second] = sides;
        const packFrom = (side: Side, from: number) => (): void => {
          packUnit(body, product, round, side, f.keep(plus(unit, -from)));
        };
        if (sides.length === 1) packFrom(first, 0)();
        else {
          const count = unitsOf(first);
          f.if(i32.lt_u(unit, i32.const(count)), packFrom(first, 0), packFrom(second, count));
        }
      });
    },
  };
}

/** Packs the panels `unit` of an operand into the workspace. */
function packUnit(body: PhaseBody, product: Product, round: Round, side: Side, unit: I32): void {
  const { f, workspace } = body;
  const { size, width } = side;
  const rowsOfUnit = PACKED_PANELS * width;
  const unitsOfBlock = Math.ceil(size / rowsOfUnit);
  const depthBlocks = blocksOfRound(product, round);
  const block = f.keep(i32.div_u(unit, i32.const(unitsOfBlock)));
  const index = f.keep(i32.div_u(block, i32.const(depthBlocks)));
  const inRound = times(i32.rem_u(block, i32.const(depthBlocks)), product.depth);
  const start = f.keep(plus(inRound, round.from));
  const depth = f.keep(depthFrom(f, product, start, round));
  const row = f.keep(times(i32.rem_u(unit, i32.const(unitsOfBlock)), rowsOfUnit));
  const count = atMost(f.keep(i32.sub(i32.const(size), row)), rowsOfUnit);
  const part: Part = { index, first: row, count, start, depth };
  packPart(body, product, side, part, panelsOf(product, round, side, part, workspace));
}

/** Multiplies the panels of a round. A unit is a block of rows and columns of one matrix of the result. */
function multiply(kernel: CallKernel, product: Product, round: Round): Phase {
  const { left, right, k, batch } = product;
  const [m, n] = [left.size, right.size];
  const rowBlocks = Math.ceil(m / left.unit);
  const columnBlocks = Math.ceil(n / right.unit);
  const flops = 2 * Math.min(m, left.unit) * Math.min(n, right.unit) * depthOf(round);
  return {
    units: countOf(batch) * rowBlocks * columnBlocks,
    unitCost: Math.ceil(flops / FLOPS_PER_NANOSECOND.matmul),
    emit: (body) => {
      const { f, routines, outputs, workspace, scratch, begin, end } = body;
      const tile = tileOf(routines.target);
      const routine = productRoutine(routines, tile);
      const [leftAt, rightAt] = scratchPlaces(product, tile);
      const ownLeft = f.keep(plus(scratch, leftAt));
      const ownRight = f.keep(plus(scratch, rightAt));
      f.for({ from: begin, to: end }, (unit) => {
        const columnBlock = f.keep(i32.rem_u(unit, i32.const(columnBlocks)));
        const rest = f.keep(i32.div_u(unit, i32.const(columnBlocks)));
        const index = f.keep(i32.div_u(rest, i32.const(rowBlocks)));
        const row = f.keep(times(i32.rem_u(rest, i32.const(rowBlocks)), left.unit));
        const column = f.keep(times(columnBlock, right.unit));
        const rows = f.keep(atMost(f.keep(i32.sub(i32.const(m), row)), left.unit));
        const columns = f.keep(atMost(f.keep(i32.sub(i32.const(n), column)), right.unit));
        const resultRow = f.keep(i32.add(times(index, m), row));
        const at = i32.add(times(resultRow, n), column);
        const to = f.keep(i32.add(outputs[0], times(at, 4)));
        f.for({ from: round.from, to: round.to, step: product.depth }, (start) => {
          const depth = f.keep(depthFrom(f, product, start, round));
          const panelsFrom = (side: Side, own: I32, first: I32, count: I32): I32 => {
            const part: Part = { index, first, count, start, depth };
            if (side.isShared) return panelsOf(product, round, side, part, workspace);
            packPart(body, product, side, part, own);
            return own;
          };
          const a = panelsFrom(left, ownLeft, row, rows);
          const b = panelsFrom(right, ownRight, column, columns);
          const c = { c: to, rowBytes: i32.const(4 * n), adds: start };
          const offsets = i32.const(0);
          routine.call(f, { a, rows, b, offsets, columns, depth, ...c, scratch });
        });
        if (round.to === k) {
          emitEpilogue(kernel, body, n, { row: resultRow, rows, column, columns });
        }
      });
    },
  };
}

/** Some rows of a or columns of b at some steps of the depth, which are packed or multiplied together. */
interface Part {
  /** The index of the batch. */
  readonly index: I32;
  /** The first row or column, and how many. */
  readonly first: I32;
  readonly count: I32;
  /** The first step, and how many. */
  readonly start: I32;
  readonly depth: I32;
}

/** Packs a part of an operand into panels at `to`. */
function packPart(body: PhaseBody, product: Product, side: Side, part: Part, to: I32): void {
  const { f, inputs } = body;
  const { strides, width } = side;
  const { first, count, start, depth } = part;
  const matrix = matrixAt(f, product, side, inputs, part.index);
  const place = i32.add(times(first, 4 * strides.row), times(start, 4 * strides.step));
  packPanels(body, width, { to, from: i32.add(matrix, place), depth, count, strides });
}

/** Where in the workspace the panels of a part of an operand begin, which are packed in this round. */
function panelsOf(
  { right }: Product,
  round: Round,
  side: Side,
  { index, first, start, depth }: Part,
  workspace: I32,
): I32 {
  const step = plus(start, -round.from);
  const steps = side.matrices === 1 ? step : i32.add(times(index, depthOf(round)), step);
  const offset = side.operand === 0 && right.isShared ? panelBytes(right, round) : 0;
  const block = plus(i32.add(workspace, times(steps, stepBytes(side))), offset);
  return i32.add(block, times(i32.mul(first, depth), 4));
}

/** The address of the matrix of an operand at an index of the batch. */
function matrixAt(
  f: FunctionBuilder,
  { batch }: Product,
  { operand, matrices }: Side,
  inputs: readonly I32[],
  index: I32,
): I32 {
  if (matrices === 1) return inputs[operand];
  const view = {
    shape: batch.map(({ size }) => size),
    strides: batch.map(({ strides }) => strides[operand]),
  };
  return i32.add(inputs[operand], byteOffset(f, index, view, 4));
}

/** How many steps the block of a round has that starts at `start`. */
function depthFrom(f: FunctionBuilder, { depth }: Product, start: I32, { to }: Round): I32 {
  return atMost(f.keep(i32.sub(i32.const(to), start)), depth);
}
