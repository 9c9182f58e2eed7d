// The types of one kernel run: its text, an optional WGSL entry, and the memory it reads and fills.

import type { Shape } from '../../../array/shape.ts';

/** A kernel of gpu.js as text: one function, run once for each element of its output. */
export interface KernelSource {
  /** What errors, labels and profiles call it. */
  readonly name: string;
  /** The function, in the subset of JavaScript that gpu.js translates. Its arguments are arrays. */
  readonly text: string;
  /** Number of arguments. */
  readonly inputs: number;
  /** Threads along x, y and z; the output is row-major with x innermost. */
  readonly output: readonly number[];
  /** Set where the kernel is a matrix product that an engine may run in another form. */
  readonly product?: MatrixProduct;
  /**
   * Set where WebGPU has threads work together on what the text says element by element. The text and
   * the output say all that the entry depends on.
   *
   * @param elementsOfThread Elements of a row that are worth one more thread, by what a barrier costs.
   */
  readonly entry?: (elementsOfThread: number) => WorkgroupEntry;
}

/**
 * An entry point in WGSL whose threads share memory, which gpu.js cannot say. It takes the place of the
 * one that gpu.js makes of a kernel's text, and computes the same: what it calls, the text calls too.
 */
export interface WorkgroupEntry {
  /**
   * Declarations and the function `main`. Argument `a0` of the text is the array `user_a0` here, a
   * function `f` is `fn_f`, and the output is `result`.
   */
  readonly code: string;
  /** Threads of a workgroup along x, y and z. */
  readonly workgroup: readonly [number, number, number];
  /** Threads along x, y and z, whole workgroups of them; one number alone may be folded over y. */
  readonly threads: readonly number[];
}

/** `y[…, m, n] = Σ_k a[…, m, k] · b[…, k, n]` with any strides: what a tiled kernel needs to know. */
export interface MatrixProduct {
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
  /** Sizes of the axes in front, which both operands share. */
  readonly batch: Shape;
  readonly left: MatrixLayout;
  readonly right: MatrixLayout;
}

/** Where element […, row, column] of an operand lies. */
export interface MatrixLayout {
  /** The argument of the kernel that holds it, `a0` or `a1`: both operands may be parts of one array. */
  readonly array: string;
  readonly offset: number;
  readonly rowStride: number;
  readonly columnStride: number;
  readonly batchStrides: readonly number[];
}

/**
 * One run of a kernel: which slots it reads, in the order of its arguments, and which one it fills.
 * A slot is a buffer of the plan or one more for a value in between.
 */
export interface Dispatch {
  readonly source: KernelSource;
  readonly reads: readonly number[];
  readonly writes: number;
}
