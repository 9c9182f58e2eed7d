// The types of what a device reports: mode, executor, limits, and the chosen forms of kernels.

/** The modes of gpu.js that the backend runs on. */
export type GpuMode = 'webgpu' | 'webgl2' | 'webasm' | 'cpu';

/**
 * Who runs the kernels that gpu.js compiles. `'own'` is the backend's encoder around its shaders, which needs
 * undocumented parts of gpu.js. `'gpu.js'` is gpu.js itself, through its public API.
 */
export type Executor = 'own' | 'gpu.js';

/** Facts about a device. */
export interface DeviceReport {
  readonly mode: GpuMode;
  /** `'own'` on WebGPU, unless the installed gpu.js rules it out or `'gpu.js'` was asked for. */
  readonly executor: Executor;
  /** The adapter's description of itself, or a substitute. */
  readonly adapter: string;
  /** Limits that bound tensors and kernels, by name. */
  readonly limits: Readonly<Record<string, number>>;
  /** Whether softmax, layer norm and attention are kernels of their own; executor `'own'` only. */
  readonly composites?: CompositeForm;
  /** Elements of a row that justify one more thread of a workgroup; executor `'own'` only. */
  readonly elementsOfThread?: number;
  /** Times of large matrix products, and the fastest form; executor `'own'` only. */
  readonly products?: Tuning;
}

/** How a matrix product runs with the executor `'own'`, see product-forms.ts. */
export type ProductForm = 'plain' | 'blocked' | 'tiled';

/** How softmax, layer norm and attention run on WebGPU: as kernels of their own, or as several kernels. */
export type CompositeForm = 'fused' | 'decomposed';

/** Times of the forms of one product. */
export interface Tuning {
  readonly fastest: ProductForm;
  /** Rows, columns and inner elements of the product that was timed. */
  readonly size: number;
  /** Milliseconds in each form; `null` if its numbers are wrong or the device refuses it. */
  readonly milliseconds: Readonly<Record<ProductForm, number | null>>;
}
