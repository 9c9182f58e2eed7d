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
  /** What the device runs of it; executor `'own'` only. */
  readonly shader?: Shader;
}

/** How many buffers an engine holds. */
export interface MemoryUse {
  readonly buffers: number;
  readonly bytes: number;
}

/**
 * Runs kernels of gpu.js. Everything is queued in the order of the calls; failures surface when
 * values are read, or at once where a kernel is given what is known to have failed.
 */
export interface Engine {
  readonly report: DeviceReport;
  readonly limits: KernelLimits;
  /** Whether {@link KernelSource.entry} is run where there is one, so that threads share memory. */
  readonly runsEntries: boolean;
  /** Makes a kernel ready. */
  compile(source: KernelSource): Program;
  /** Runs a kernel on arrays and gives its output in memory of its own. */
  run(program: Program, inputs: readonly Memory[]): Memory;
  /** Hands what is queued to the device, if it is at least `least` dispatches (default 1). */
  submit(least?: number): void;
  upload(values: Float32Array): Memory;
  /** Gives memory back, for what is queued later. */
  free(memory: Memory): void;
  /** The floats of ranges, one behind the other; by default all. */
  read(memory: Memory, ranges?: readonly Range[]): Promise<Float32Array>;
  /** As {@link read}, at once. Throws a StateError where there is only the asynchronous way. */
  readSync(memory: Memory, ranges?: readonly Range[]): Float32Array;
  /** Why memory has no values, as far as is known; `null` if it may have. */
  failureOf(memory: Memory): DeviceError | null;
  memoryUse(): MemoryUse;
  dispose(): Promise<void>;
}
