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
}

/** `y[b, m, n] = Σ_k a[b, m, k] · b[b, k, n]` with any strides: what a tiled kernel needs to know. */
export interface MatrixProduct {
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
  readonly batch: number;
  readonly left: MatrixLayout;
  readonly right: MatrixLayout;
}

/** Where element [batch, row, column] of an operand lies. */
export interface MatrixLayout {
  readonly offset: number;
  readonly rowStride: number;
  readonly columnStride: number;
  readonly batchStride: number;
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
