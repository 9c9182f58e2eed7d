// The sizes of attention and its operands as matrices, and the memory that a kernel needs for them.

import type { CallKernel, Operand } from '../../../plan/kernel.ts';
import { sizeOf } from '../../../array/shape.ts';
import { byteOffset, times } from '../kernel/addressing.ts';
import type { I32 } from '../assembler/code.ts';
import type { FunctionBuilder, Local } from '../assembler/function.ts';
import { drop, i32, memory } from '../assembler/instructions.ts';
import type { Phase, PhaseBody } from '../kernel/kernel-code.ts';
import { packPanels, type PanelStrides } from '../product/packing.ts';

/** Sizes of an attention by the letters of the glossary; `batch` counts pairs of batch and head. */
export interface AttentionSizes {
  readonly batch: number;
  readonly T: number;
  readonly S: number;
  readonly E: number;
  readonly F: number;
}

/** The sizes of q `[..., T, E]`, k `[..., S, E]` and v `[..., S, F]`. */
export function attentionSizes({ inputs: [q, k, v] }: CallKernel): AttentionSizes {
  const [T, E] = q.view.shape.slice(-2);
  const [S, F] = v.view.shape.slice(-2);
  return { batch: sizeOf(k.view.shape.slice(0, -2)), T, S, E, F };
}

/** Numbers in a cache line. */
const LINE = 16;

/** The most lines of a row that are fetched. The processor foresees those of longer rows. */
const FETCHED_LINES = 8;

/** One matrix of a batch, `[row, step]`. */
export interface Matrix {
  readonly address: Local<'i32'>;
  readonly strides: PanelStrides;
}

/** Matrix `index` of the batch of an operand whose element 0 lies at `base`. */
export function matrixOf(f: FunctionBuilder, { view }: Operand, base: I32, index: I32): Matrix {
  const batch = { shape: view.shape.slice(0, -2), strides: view.strides.slice(0, -2) };
  const [row, step] = view.strides.slice(-2);
  return { address: f.keep(i32.add(base, byteOffset(f, index, batch, 4))), strides: { row, step } };
}

/** The matrix with rows and steps swapped. */
export function transposed({ address, strides: { row, step } }: Matrix): Matrix {
  return { address, strides: { row: step, step: row } };
}

/** The matrix from row `first` on. */
export function rowsFrom(f: FunctionBuilder, { address, strides }: Matrix, first: I32): Matrix {
  return { address: f.keep(i32.add(address, times(first, 4 * strides.row))), strides };
}

/**
 * Code that reads one number of each cache line of `rows` rows of `steps` neighbours. The processor does
 * not foresee rows that lie apart, such as those of one head. Here it waits once for many of them; packing
 * would wait again and again.
 */
export function fetchRows(f: FunctionBuilder, matrix: Matrix, rows: I32, steps: number): void {
  if (matrix.strides.step !== 1 || steps > FETCHED_LINES * LINE) return;
  const row = f.keep(matrix.address);
  f.for({ from: 0, to: rows }, () => {
    for (let step = 0; step < steps; step += LINE) f.emit(drop(i32.load(row, 4 * step)));
    f.increase(row, 4 * matrix.strides.row);
  });
}

/** Code that packs `rows` rows of a matrix as panels of `width` rows, one after the other. */
export function packMatrix(
  body: PhaseBody,
  width: number,
  to: I32,
  matrix: Matrix,
  { rows, depth }: { readonly rows: I32; readonly depth: I32 },
): void {
  const { address, strides } = matrix;
  packPanels(body, width, { to, from: address, depth, count: rows, strides });
}

/** `a` rounded up to a multiple of `unit`, a power of two. */
export function roundUp(a: I32, unit: number): I32 {
  return i32.and(i32.add(a, i32.const(unit - 1)), i32.const(-unit));
}

/**
 * Places parts of scratch memory one after the other. It gives the byte where each begins, and the bytes of
 * all.
 */
export function layOut<Name extends string>(
  parts: Readonly<Record<Name, number>>,
): { readonly places: Readonly<Record<Name, number>>; readonly bytes: number } {
  let bytes = 0;
  const places: Record<Name, number> = { ...parts };
  for (const name in parts) {
    places[name] = bytes;
    bytes += Math.ceil(parts[name] / 64) * 64;
  }
  return { places, bytes };
}

/** Sets an output to 0. */
export function clearOutput({ outputs }: CallKernel, index: number): Phase {
  const bytes = 4 * sizeOf(outputs[index].view.shape);
  return {
    units: bytes === 0 ? 0 : 1,
    unitCost: bytes / 16,
    emit: (body) => {
      body.f.emit(memory.fill(body.outputs[index], i32.const(0), i32.const(bytes)));
    },
  };
}
