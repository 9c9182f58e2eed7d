// The types of one kernel run: its text, an optional WGSL entry, and the memory it reads and fills.

import type { Shape } from '../../../array/shape.ts';

/** A kernel of gpu.js as text: one function, run once for each element of its output. */
export interface KernelSource {
  /** The name in errors, labels and profiles. */
  readonly name: string;
  /** The function, in the subset of JavaScript that gpu.js translates. Its arguments are arrays. */
  readonly text: string;
  /** Number of arguments. */
  readonly inputs: number;
  /** Threads along x, y and z; the output is row-major with x innermost. */
  readonly output: readonly number[];
  /** Set if the kernel is a matrix product, which an engine may run in another form. */
  readonly product?: MatrixProduct;
  /**
   * Set if threads can work together on WebGPU where the text computes each element alone. The entry depends
   * on nothing but the text and the output.
   *
   * @param elementsOfThread Elements of a row that justify one more thread, given the cost of a barrier.
   */
  readonly entry?: (elementsOfThread: number) => WorkgroupEntry;
}

/**
 * An entry point in WGSL whose threads share memory, which the text of gpu.js cannot express. It replaces the
 * entry point that gpu.js makes of the text and computes the same; it calls only functions that the text
 * calls too.
 */
export interface WorkgroupEntry {
  /**
   * Declarations and the function `main`. In it, argument `a0` of the text is the array `user_a0`, a function
   * `f` is `fn_f`, and the output is `result`.
   */
  readonly code: string;
  /** Threads of a workgroup along x, y and z. */
  readonly workgroup: readonly [number, number, number];
  /** Threads along x, y and z, in whole workgroups. A single number may be folded over y. */
  readonly threads: readonly number[];
}

/** `y[…, m, n] = Σ_k a[…, m, k] · b[…, k, n]` with any strides: the facts that a tiled kernel needs. */
export interface MatrixProduct {
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
  /** Sizes of the batch axes in front, which both operands share. */
  readonly batch: Shape;
  readonly left: MatrixLayout;
  readonly right: MatrixLayout;
}

/** Where element […, row, column] of an operand lies. */
export interface MatrixLayout {
  /** The argument of the kernel that holds it, `a0` or `a1`. Both operands may be parts of one array. */
  readonly array: string;
  readonly offset: number;
  readonly rowStride: number;
  readonly columnStride: number;
  readonly batchStrides: readonly number[];
}

/**
 * One run of a kernel: the slots that it reads, in the order of its arguments, and the slot that it writes. A
 * slot is a buffer of the plan, or one more for an intermediate value.
 */
export interface Dispatch {
  readonly source: KernelSource;
  readonly reads: readonly number[];
  readonly writes: number;
}
