// The interface of an engine: it compiles kernels, runs them in order and holds their memory.

import type { KernelSource } from '../kernel/dispatch.ts';
import type { DeviceError } from './errors.ts';
import type { Range } from '../../../array/dtype.ts';
import type { KernelLimits } from '../kernel/lowering.ts';
import type { DeviceReport } from './report.ts';
import type { Shader } from './shader.ts';

/** Memory of an engine that holds floats: a buffer, a texture or an array. */
export interface Memory {
  readonly size: number;
}

/** A kernel that an engine has compiled. */
export interface Program {
  readonly source: KernelSource;
  /** The code that the device runs; executor `'own'` only. */
  readonly shader?: Shader;
}

/** Number of buffers that an engine holds, and their bytes. */
export interface MemoryUse {
  readonly buffers: number;
  readonly bytes: number;
}

/**
 * Runs kernels of gpu.js. Work is queued in the order of the calls. Failures surface when values are read, or
 * at once if a kernel gets memory that is known to have failed.
 */
export interface Engine {
  readonly report: DeviceReport;
  readonly limits: KernelLimits;
  /** Whether {@link KernelSource.entry} runs where a kernel has one, so that threads share memory. */
  readonly runsEntries: boolean;
  /** Makes a kernel ready. */
  compile(source: KernelSource): Program;
  /** Runs a kernel on arrays and returns its output in new memory. */
  run(program: Program, inputs: readonly Memory[]): Memory;
  /** Hands the queued work to the device, if it is at least `least` dispatches (default 1). */
  submit(least?: number): void;
  upload(values: Float32Array): Memory;
  /** Gives memory back, for use by later work. */
  free(memory: Memory): void;
  /** Reads the floats of ranges, one after the other; by default all floats. */
  read(memory: Memory, ranges?: readonly Range[]): Promise<Float32Array>;
  /** Like {@link read}, but at once. Throws a StateError on devices that can only read asynchronously. */
  readSync(memory: Memory, ranges?: readonly Range[]): Float32Array;
  /** Why memory has no values, as far as is known; `null` if no failure is known. */
  failureOf(memory: Memory): DeviceError | null;
  memoryUse(): MemoryUse;
  dispose(): Promise<void>;
}
