import type { KernelSource } from './dispatch.ts';
import type { DeviceError } from './errors.ts';
import type { Range } from '../../dtype.ts';
import type { KernelLimits } from './lowering.ts';
import type { Shader } from './shader.ts';

/** The modes of gpu.js that the backend runs on. */
export type GpuMode = 'webgpu' | 'webgl2' | 'webasm' | 'cpu';

/**
 * Who runs the kernels that gpu.js compiles: `'own'`, an encoder around its shaders, which needs what no
 * documentation of gpu.js promises; or `'gpu.js'` itself, through its public API.
 */
export type Executor = 'own' | 'gpu.js';

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

/** What is there to report of a device. */
export interface DeviceReport {
  readonly mode: GpuMode;
  /** `'own'` on WebGPU, unless the installed gpu.js rules it out or `'gpu.js'` was asked for. */
  readonly executor: Executor;
  /** The adapter's own words, or what stands in for one. */
  readonly adapter: string;
  /** Limits that matter, by their names. */
  readonly limits: Readonly<Record<string, number>>;
  /** Whether softmax, layer norm and attention are kernels of their own; executor `'own'` only. */
  readonly composites?: CompositeForm;
  /** Elements of a row that one more thread of a workgroup is given for; executor `'own'` only. */
  readonly elementsOfThread?: number;
  /** Which form of large matrix products was measured to be the fastest one; executor `'own'` only. */
  readonly products?: Tuning;
}

/** How a matrix product runs with the executor `'own'`, see product-forms.ts. */
export type ProductForm = 'plain' | 'blocked' | 'tiled';

/** How softmax, layer norm and attention run on WebGPU: as kernels of their own, or as what they are made of. */
export type CompositeForm = 'fused' | 'decomposed';

/** Times of the forms of one product. */
export interface Tuning {
  readonly fastest: ProductForm;
  /** Rows, columns and inner elements of the product that was timed. */
  readonly size: number;
  /** Milliseconds of it in each form; `null` where its numbers are wrong or the device refuses it. */
  readonly milliseconds: Readonly<Record<ProductForm, number | null>>;
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
