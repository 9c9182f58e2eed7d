// The type of a WebGPU compute shader: its text, its form and the size of its workgroups.

import type { ProductForm } from './report.ts';

/** A compute shader of WebGPU, and how many threads run it. It is started in whole workgroups. */
export interface Shader {
  /** `'shared'` for composites whose threads share memory; the form of a product; else `'plain'`. */
  readonly form: ProductForm | 'shared';
  /** WGSL with the entry point `main`, the arrays from binding 1 on, and the output after them. */
  readonly code: string;
  /**
   * Bytes of the uniform block that gpu.js declares at binding 0. It begins with the threads along x, y and
   * z. Then comes the number of threads in a line of workgroups, which is used if x alone is folded over y.
   */
  readonly paramsBytes: number;
  /** Threads along x, y and z. */
  readonly threads: readonly number[];
  /** Threads of a workgroup along x, y and z. */
  readonly workgroup: readonly [number, number, number];
}
