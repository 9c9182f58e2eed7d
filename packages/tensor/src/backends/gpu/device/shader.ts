// The type of a WebGPU compute shader: its text, its form and the size of its workgroups.

import type { ProductForm } from './report.ts';

/** A compute shader of WebGPU and how it is started, in whole workgroups of as many threads. */
export interface Shader {
  /** `'shared'` of composites whose threads share memory; the form of a product; else `'plain'`. */
  readonly form: ProductForm | 'shared';
  /** WGSL: the entry point `main`, with arrays from binding 1 on, and the output behind them. */
  readonly code: string;
  /**
   * Bytes of the uniform block that gpu.js declares at binding 0. It begins with the threads along x, y
   * and z, and those of a line of workgroups where the threads along x alone are folded over y.
   */
  readonly paramsBytes: number;
  /** Threads along x, y and z. */
  readonly threads: readonly number[];
  /** Threads of a workgroup along x, y and z. */
  readonly workgroup: readonly [number, number, number];
}
