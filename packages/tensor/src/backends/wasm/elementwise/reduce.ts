// Reduction kernels along rows or down columns, cut into parts whose totals are folded at the end.

import type { ReduceKernel } from '../../../plan/kernel.ts';
import { BYTES_PER_ELEMENT } from '../../../array/dtype.ts';
import { sizeOf } from '../../../array/shape.ts';
import { byteOffset, plus, times } from '../kernel/addressing.ts';
import type { I32 } from '../assembler/code.ts';
import type { FunctionBuilder } from '../assembler/function.ts';
import { i32, memory } from '../assembler/instructions.ts';
import { v128 } from '../assembler/simd.ts';
import { costOf } from '../kernel/cost.ts';
import { firstLane, foldOf } from './fold.ts';
import { collapse, countOf, type Dimension } from '../../../array/view.ts';
import type { KernelCode, Phase, PhaseBody } from '../kernel/kernel-code.ts';
import { forEachVector, type RowOperand } from './expression-loop.ts';

/** Elements of a row that are folded in float32 before they join the float64 total. */
const PIECE = 1024;

/** Columns whose sums one unit holds. */
const STRIP = 512;

/** The most rows that one unit folds: a float32 sum of more would lose digits. */
const MOST_ROWS = 512;

/** Work of fewer units than this is also cut along the axes that disappear. */
const ENOUGH_UNITS = 32;

/** Bytes of a total in the workspace. */
const TOTAL_BYTES = 8;

/**
 * A reduce kernel. Where the innermost loop disappears, each output is the total of rows of vectors. Where
 * it stays, rows are folded onto a row of sums. Long folds are cut into parts, and a second phase folds the
 * totals of the parts. The cut depends on the shapes alone.
 */
export function reduce(kernel: ReduceKernel): KernelCode {
  if (sizeOf(kernel.shape) === 0) return { phases: fillPhases(kernel) };
  const dimensions = collapse(
    kernel.shape,
    kernel.inputs.map(({ view }) => view.strides),
    kernel.axes,
  );
  const inner = dimensions.at(-1);
  return inner === undefined || inner.marked
    ? foldRows(kernel, dimensions)
    : foldColumns(kernel, dimensions);
}

/** No elements are folded: every output is the fold of none. */
function fillPhases(kernel: ReduceKernel): Phase[] {
  const [output] = kernel.outputs;
  const count = sizeOf(output.view.shape);
  if (count === 0) return [];
  const fold = foldOf(kernel);
  return [
    {
      units: count,
      unitCost: 1,
      emit: ({ f, outputs, begin, end }) => {
        const total = fold.start(f);
        f.for({ from: begin, to: end }, (unit) => {
          f.emit(fold.write(i32.add(outputs[0], times(unit, 4)), total));
        });
      },
    },
  ];
}

/** The innermost loop disappears. A unit is a part of the elements of one output. */
function foldRows(kernel: ReduceKernel, dimensions: readonly Dimension[]): KernelCode {
  const inner = dimensions.at(-1) ?? { size: 1, strides: kernel.inputs.map(() => 1), marked: true };
  const kept = dimensions.filter(({ marked }) => !marked);
  const folded = dimensions.slice(0, -1).filter(({ marked }) => marked);
  const count = countOf(kept);
  const piecesPerRow = Math.ceil(inner.size / PIECE);
  const pieces = countOf(folded) * piecesPerRow;
  const parts = count >= ENOUGH_UNITS ? 1 : Math.min(pieces, ENOUGH_UNITS);
  const piecesPerPart = Math.ceil(pieces / parts);
  const fold = foldOf(kernel);
  const first: Phase = {
    units: count * parts,
    unitCost: 10 + piecesPerPart * costOf(kernel, Math.min(PIECE, inner.size)),
    emit: (body) => {
      const { f, begin, end } = body;
      f.for({ from: begin, to: end }, (unit) => {
        const output = parts === 1 ? unit : f.keep(i32.div_u(unit, i32.const(parts)));
        const part = parts === 1 ? null : i32.rem_u(unit, i32.const(parts));
        const rowStarts = moved(f, kernel, body.inputs, kept, output);
        const total = fold.start(f);
        const from = part === null ? f.keep(i32.const(0)) : f.keep(times(part, piecesPerPart));
        const to = f.keep(plus(from, piecesPerPart));
        f.if(i32.gt_u(to, i32.const(pieces)), () => {
          f.set(to, i32.const(pieces));
        });
        f.for({ from, to }, (piece) => {
          foldPiece(body, kernel, { inner, folded, piecesPerRow, piece, rowStarts, total });
        });
        f.emit(
          parts === 1
            ? fold.write(i32.add(body.outputs[0], times(unit, 4)), total)
            : fold.keep(i32.add(body.workspace, times(unit, TOTAL_BYTES)), total),
        );
      });
    },
  };
  if (parts === 1) return { phases: [first] };
  const second: Phase = {
    units: count,
    unitCost: 2 * parts,
    emit: ({ f, outputs, workspace, begin, end }) => {
      f.for({ from: begin, to: end }, (output) => {
        const total = fold.start(f);
        const address = f.keep(i32.add(workspace, times(output, parts * TOTAL_BYTES)));
        f.for({ from: 0, to: parts }, () => {
          fold.joinStored(f, total, address);
          f.increase(address, TOTAL_BYTES);
        });
        f.emit(fold.write(i32.add(outputs[0], times(output, 4)), total));
      });
    },
  };
  return { phases: [first, second], workspaceBytes: count * parts * TOTAL_BYTES };
}

/** Folds one stretch of a row into a total. */
function foldPiece(
  { f, routines }: PhaseBody,
  kernel: ReduceKernel,
  place: {
    readonly inner: Dimension;
    readonly folded: readonly Dimension[];
    readonly piecesPerRow: number;
    readonly piece: I32;
    readonly rowStarts: readonly I32[];
    readonly total: ReturnType<ReturnType<typeof foldOf>['start']>;
  },
): void {
  const { inner, folded, piecesPerRow, piece, rowStarts, total } = place;
  const fold = foldOf(kernel);
  const row = piecesPerRow === 1 ? piece : f.keep(i32.div_u(piece, i32.const(piecesPerRow)));
  const first =
    piecesPerRow === 1 ? null : f.keep(times(i32.rem_u(piece, i32.const(piecesPerRow)), PIECE));
  const length = f.keep(
    first === null ? i32.const(inner.size) : i32.sub(i32.const(inner.size), first),
  );
  if (first !== null) {
    f.if(i32.gt_u(length, i32.const(PIECE)), () => {
      f.set(length, i32.const(PIECE));
    });
  }
  const starts = moved(f, kernel, rowStarts, folded, row);
  const inputs = kernel.inputs.map(({ dtype }, i): RowOperand => {
    const stride = inner.strides[i];
    const shift = first === null ? null : times(first, stride * BYTES_PER_ELEMENT[dtype]);
    return { dtype, stride, address: shift === null ? starts[i] : i32.add(starts[i], shift) };
  });
  const lanes = f.keep(fold.identity);
  const work = { expression: kernel.expression, inputs, f, routines };
  forEachVector(work, [], first === null ? inner.size : length, ({ results, lanes: count }) => {
    for (const [value] of results) {
      f.set(lanes, fold.combine(lanes, count === 4 ? value : firstLane(value, fold)));
    }
  });
  fold.join(f, total, lanes);
}

/** The innermost loop stays. A unit folds some rows of a strip of columns onto a row in scratch memory. */
function foldColumns(kernel: ReduceKernel, dimensions: readonly Dimension[]): KernelCode {
  const inner = dimensions[dimensions.length - 1];
  const kept = dimensions.slice(0, -1).filter(({ marked }) => !marked);
  const folded = dimensions.filter(({ marked }) => marked);
  const strips = Math.ceil(inner.size / STRIP);
  const rows = countOf(folded);
  const places = countOf(kept) * strips;
  const parts = Math.min(
    rows,
    Math.max(
      Math.ceil(rows / MOST_ROWS),
      Math.min(Math.ceil(ENOUGH_UNITS / places), Math.ceil(rows / 16)),
    ),
  );
  const rowsPerPart = Math.ceil(rows / parts);
  const count = countOf(kept) * inner.size;
  const fold = foldOf(kernel);
  const first: Phase = {
    units: places * parts,
    unitCost: 20 + rowsPerPart * (5 + costOf(kernel, Math.min(STRIP, inner.size))),
    emit: (body) => {
      const { f, routines, scratch, begin, end } = body;
      f.for({ from: begin, to: end }, (unit) => {
        const place = f.keep(i32.div_u(unit, i32.const(parts)));
        const part = f.keep(i32.rem_u(unit, i32.const(parts)));
        const output = f.keep(i32.div_u(place, i32.const(strips)));
        const column = f.keep(times(i32.rem_u(place, i32.const(strips)), STRIP));
        const width = f.keep(i32.sub(i32.const(inner.size), column));
        f.if(i32.gt_u(width, i32.const(STRIP)), () => {
          f.set(width, i32.const(STRIP));
        });
        const outputStarts = moved(f, kernel, body.inputs, kept, output);
        const starts = outputStarts.map((address, i) => {
          const bytes = BYTES_PER_ELEMENT[kernel.inputs[i].dtype];
          return f.keep(i32.add(address, times(column, inner.strides[i] * bytes)));
        });
        f.for({ from: 0, to: 4 * STRIP, step: 16 }, (byte) => {
          f.emit(v128.store(i32.add(scratch, byte), fold.identity));
        });
        const from = f.keep(times(part, rowsPerPart));
        const to = f.keep(plus(from, rowsPerPart));
        f.if(i32.gt_u(to, i32.const(rows)), () => {
          f.set(to, i32.const(rows));
        });
        f.for({ from, to }, (row) => {
          const addresses = moved(f, kernel, starts, folded, row);
          const inputs = kernel.inputs.map(({ dtype }, i): RowOperand => ({
            dtype,
            stride: inner.strides[i],
            address: addresses[i],
          }));
          const sums: RowOperand = { dtype: 'float32', stride: 1, address: scratch };
          const work = { expression: kernel.expression, inputs, f, routines };
          forEachVector(work, [sums], width, ({ results, lanes, pointers: [sum] }) => {
            const folds = results.map(([value], vector) => {
              const before = v128.load(sum, 16 * vector);
              return f.keep(fold.combine(before, lanes === 4 ? value : firstLane(value, fold)));
            });
            folds.forEach((each, vector) => {
              f.emit(v128.store(sum, each, 16 * vector));
            });
          });
        });
        const at = i32.add(times(output, inner.size), column);
        const target =
          parts === 1
            ? i32.add(body.outputs[0], times(at, 4))
            : i32.add(body.workspace, times(i32.add(times(part, count), at), 4));
        f.emit(memory.copy(target, scratch, times(width, 4)));
      });
    },
  };
  const scratchBytes = 4 * STRIP + 16;
  if (parts === 1) return { phases: [first], scratchBytes };
  return {
    phases: [first, joinParts(kernel, parts, count)],
    workspaceBytes: 4 * parts * count + 16,
    scratchBytes,
  };
}

/** Folds the partial sums `[parts, count]` in the workspace. */
function joinParts(kernel: ReduceKernel, parts: number, count: number): Phase {
  const fold = foldOf(kernel);
  const vectors = Math.ceil(count / 4);
  return {
    units: vectors,
    unitCost: parts,
    emit: ({ f, outputs, workspace, begin, end }) => {
      f.for({ from: begin, to: end }, (unit) => {
        const offset = f.keep(times(unit, 16));
        const from = f.keep(i32.add(workspace, offset));
        const sum = f.keep(v128.load(from));
        f.for({ from: 1, to: parts }, () => {
          f.increase(from, 4 * count);
          f.set(sum, fold.combine(sum, v128.load(from)));
        });
        const to = f.keep(i32.add(outputs[0], offset));
        const isWhole = i32.le_u(plus(times(unit, 4), 4), i32.const(count));
        f.if(
          isWhole,
          () => {
            f.emit(v128.store(to, sum));
          },
          () => {
            for (let lane = 0; lane < count % 4; lane++) {
              f.emit(v128.store32_lane(to, sum, lane, 4 * lane));
            }
          },
        );
      });
    },
  };
}

/** Addresses moved to index `index` of some dimensions. */
function moved(
  f: FunctionBuilder,
  kernel: ReduceKernel,
  addresses: readonly I32[],
  dimensions: readonly Dimension[],
  index: I32,
): readonly I32[] {
  if (dimensions.length === 0) return addresses;
  const shape = dimensions.map(({ size }) => size);
  return addresses.map((address, i) => {
    const strides = dimensions.map((dimension) => dimension.strides[i]);
    const bytes = BYTES_PER_ELEMENT[kernel.inputs[i].dtype];
    return f.keep(i32.add(address, byteOffset(f, index, { shape, strides }, bytes)));
  });
}
