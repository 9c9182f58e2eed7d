// Copies an image with its padding so that neighbouring windows read neighbouring elements.

/**
 * The field: what the windows of a convolution slide over. Neighbouring windows always read neighbouring
 * elements of it. Its rows have their padding around them, and its columns are sorted by their remainder
 * modulo the stride.
 */
import { plus, times } from '../kernel/addressing.ts';
import type { I32 } from '../assembler/code.ts';
import type { FunctionBuilder } from '../assembler/function.ts';
import { i32, memory } from '../assembler/instructions.ts';
import { i8x16, v128 } from '../assembler/simd.ts';
import type { Routines } from '../kernel/kernel-code.ts';
import { collectRow, copyRow, zeroRow } from '../kernel/copies.ts';

/** The most elements of a row whose copy is written out vector by vector. */
const MOST_INLINE = 64;

/** A pair for the vertical and the horizontal axis. */
export type Pair<T> = readonly [T, T];

/** Where windows read along one axis: position i reads `i · stride + first + k · step` for k < count. */
export interface Taps {
  readonly count: number;
  readonly first: number;
  readonly step: number;
}

/** The channels of one image and one group, in a view that may have any strides. */
export interface Planes {
  readonly channels: number;
  readonly size: Pair<number>;
  /** Elements from channel to channel, from row to row and from column to column. */
  readonly strides: readonly [number, number, number];
}

/** How the rows that a band of window positions reads lie in memory. */
export interface Field {
  readonly planes: Planes;
  /** Whether they are copied to memory of the thread. Otherwise windows read the view itself. */
  readonly copies: boolean;
  /** Rows of a band. */
  readonly rows: number;
  /** The row and the column that windows at position 0 read first; both may be negative. */
  readonly first: Pair<number>;
  /** Rows from position to position downwards. */
  readonly strideY: number;
  /** How many remainders of columns there are. They lie one after the other in a row. */
  readonly phases: number;
  readonly columnsPerPhase: number;
  readonly phaseBytes: number;
  readonly rowBytes: number;
  readonly channelBytes: number;
  /** Bytes of the copy. */
  readonly bytes: number;
}

/**
 * Lays out the field.
 *
 * @param grid Vertical and horizontal positions of the window.
 * @param bandRows Rows of positions that are computed at a time.
 * @param mayRead Whether windows may read the view itself, if neither padding nor strides forbid it.
 */
export function planField(
  planes: Planes,
  taps: readonly Pair<Taps>[],
  stride: Pair<number>,
  grid: Pair<number>,
  bandRows: number,
  mayRead = true,
): Field {
  const [low, high] = reach(taps);
  const phases = grid[1] === 1 ? 1 : stride[1];
  const fits = ([0, 1] as const).every(
    (axis) => low[axis] >= 0 && (grid[axis] - 1) * stride[axis] + high[axis] < planes.size[axis],
  );
  if (mayRead && fits && phases === 1 && planes.strides[2] === 1) {
    return {
      planes,
      copies: false,
      rows: 0,
      first: [0, 0],
      strideY: stride[0],
      phases: 1,
      columnsPerPhase: planes.size[1],
      phaseBytes: 0,
      rowBytes: 4 * planes.strides[1],
      channelBytes: 4 * planes.strides[0],
      bytes: 0,
    };
  }
  const rows = (bandRows - 1) * stride[0] + high[0] - low[0] + 1;
  const columns = (grid[1] - 1) * stride[1] + high[1] - low[1] + 1;
  const columnsPerPhase = Math.ceil(columns / phases);
  const phaseBytes = 16 * Math.ceil(columnsPerPhase / 4);
  const rowBytes = phases * phaseBytes;
  const channelBytes = rows * rowBytes;
  return {
    planes,
    copies: true,
    rows,
    first: low,
    strideY: stride[0],
    phases,
    columnsPerPhase,
    phaseBytes,
    rowBytes,
    channelBytes,
    bytes: planes.channels * channelBytes,
  };
}

/** The lowest and the highest row and column that windows at position 0 read. */
function reach(taps: readonly Pair<Taps>[]): Pair<[number, number]> {
  const low: [number, number] = [Infinity, Infinity];
  const high: [number, number] = [-Infinity, -Infinity];
  for (const pair of taps) {
    for (const axis of [0, 1] as const) {
      const { first, count, step } = pair[axis];
      const last = first + (count - 1) * step;
      low[axis] = Math.min(low[axis], first, last);
      high[axis] = Math.max(high[axis], first, last);
    }
  }
  return [low, high];
}

/** Bytes from the first element of a window at position 0 to column `column` of the same row. */
export function columnOffset(field: Field, column: number): number {
  const at = column - field.first[1];
  return (at % field.phases) * field.phaseBytes + 4 * Math.floor(at / field.phases);
}

/** Bytes from row to row of window positions. */
export function positionRowBytes(field: Field): number {
  return field.strideY * field.rowBytes;
}

/** Code that sets some copies, one behind the other, to 0. No {@link readField} writes their padding. */
export function clearField(f: FunctionBuilder, field: Field, copy: I32, copies = 1): void {
  if (!field.copies || !horizontallyPadded(field)) return;
  f.emit(memory.fill(copy, i32.const(0), i32.const(copies * field.bytes)));
}

/**
 * Code that makes the field of a band ready, in a copy that was cleared once.
 *
 * @param image Address of row 0 and column 0 of the first channel.
 * @param row First row of the band's window positions.
 * @param copy Address for the copy.
 * @returns The address that the first window of the band reads first.
 */
export function readField(
  f: FunctionBuilder,
  routines: Routines,
  field: Field,
  { image, row, copy }: { readonly image: I32; readonly row: I32; readonly copy: I32 },
): I32 {
  if (!field.copies) return f.keep(i32.add(image, times(row, positionRowBytes(field))));
  const { channels, size, strides } = field.planes;
  const firstRow = f.keep(plus(times(row, field.strideY), field.first[0]));
  const to = f.keep(copy);
  const plane = f.keep(image);
  f.for({ from: 0, to: channels }, () => {
    f.for({ from: 0, to: field.rows }, (i) => {
      const y = f.keep(i32.add(firstRow, i));
      f.if(
        i32.lt_u(y, i32.const(size[0])),
        () => {
          copyRowPhases(f, routines, field, to, f.keep(i32.add(plane, times(y, 4 * strides[1]))));
        },
        () => {
          zeroRow(routines).call(f, { to, count: i32.const(field.rowBytes / 4) });
        },
      );
      f.increase(to, field.rowBytes);
    });
    f.increase(plane, 4 * strides[0]);
  });
  return copy;
}

/** The columns of one remainder that exist, as places in its phase: from `begin` up to `end`. */
function existing(field: Field, phase: number): { readonly begin: number; readonly end: number } {
  const { first, phases, planes, columnsPerPhase } = field;
  const begin = Math.max(0, Math.ceil((-first[1] - phase) / phases));
  const end = Math.min(columnsPerPhase, Math.ceil((planes.size[1] - first[1] - phase) / phases));
  return { begin, end };
}

function horizontallyPadded(field: Field): boolean {
  return Array.from({ length: field.phases }, (_, phase) => existing(field, phase)).some(
    ({ begin, end }) => begin > 0 || end < field.columnsPerPhase,
  );
}

/** Copies one row, one remainder of the columns after the other. */
function copyRowPhases(
  f: FunctionBuilder,
  routines: Routines,
  field: Field,
  to: I32,
  from: I32,
): void {
  const stride = field.planes.strides[2];
  for (let phase = 0; phase < field.phases; phase++) {
    const { begin, end } = existing(field, phase);
    if (end <= begin) continue;
    const target = plus(to, phase * field.phaseBytes + 4 * begin);
    const column = phase + begin * field.phases + field.first[1];
    const source = plus(from, 4 * column * stride);
    const count = end - begin;
    const step = 4 * field.phases * stride;
    const isInline = 4 <= count && count <= MOST_INLINE;
    const behind = field.planes.size[1] - (column + 2 * count - 1);
    if (step === 8 && stride === 1 && isInline && (behind > 0 || column > 0)) {
      const isOdd = behind === 0;
      collectInline(f, target, plus(source, isOdd ? -4 : 0), count, isOdd ? ODD : EVEN);
    } else if (step !== 4) {
      const row = { to: target, from: source, count: i32.const(count), step: i32.const(step) };
      collectRow(routines).call(f, row);
    } else if (!isInline) {
      copyRow(routines).call(f, { to: target, from: source, count: i32.const(count) });
    } else {
      copyInline(f, target, source, count);
    }
  }
}

/** Lanes of two vectors as bytes for a shuffle: every other element, from the first or the second on. */
const [EVEN, ODD] = [0, 4].map((first) =>
  Array.from({ length: 16 }, (_, byte) => first + 8 * Math.floor(byte / 4) + (byte % 4)),
);

/**
 * Copies every other element, at least four of them, by vectors. The last vector may overlap the one before.
 *
 * @param lanes {@link EVEN} if `from` is the first of them; {@link ODD} if the first lies behind `from`.
 */
function collectInline(
  f: FunctionBuilder,
  to: I32,
  from: I32,
  count: number,
  lanes: readonly number[],
): void {
  for (let i = 0; i < count; i += 4) {
    const first = Math.min(i, count - 4);
    const [low, high] = [0, 16].map((byte) => v128.load(from, 8 * first + byte));
    f.emit(v128.store(to, i8x16.shuffle(low, high, lanes), 4 * first));
  }
}

/** Copies at least four elements by vectors. The last vector may overlap the one before. */
function copyInline(f: FunctionBuilder, to: I32, from: I32, count: number): void {
  for (let i = 0; i < count; i += 4) {
    const byte = 4 * Math.min(i, count - 4);
    f.emit(v128.store(to, v128.load(from, byte), byte));
  }
}
