/** A compute shader and how it is started. */
export interface Shader {
  readonly code: string;
  /** Bytes of the uniform block that gpu.js declares at binding 0. */
  readonly paramsBytes: number;
  /** Threads along x, y and z, which gpu.js is told in the uniform block. */
  readonly threads: readonly number[];
  readonly workgroup: readonly [number, number, number];
}
