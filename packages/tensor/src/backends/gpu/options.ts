import type { CompositeForm, Executor, GpuMode, ProductForm } from './engine.ts';
import { DeviceError } from './errors.ts';

/** Options of `gpuBackend`. */
export interface GpuBackendOptions {
  /**
   * Where kernels run. `'webgpu'` and `'webgl2'` are GPUs, `'webasm'` and `'cpu'` are gpu.js without
   * one; `'auto'` takes the first of these that works. Default `'auto'`.
   */
  readonly mode?: GpuMode | 'auto';
  /**
   * Whether to compare what every kernel computes on its first run with a reference, and to throw at
   * the next `await` of values where they differ, with the kernel and its operands. Slow. Default false.
   */
  readonly verify?: boolean;
  /**
   * The form of large matrix products on WebGPU: `'measured'` times them on the device and takes the
   * fastest that is right. Default `'measured'`. Where gpu.js is the executor, all are plain, and asking for
   * another form is an error.
   */
  readonly products?: ProductForm | 'measured';
  /**
   * On WebGPU, whether softmax, layer norm and attention are kernels in which threads share memory
   * (`'fused'`) or what they are made of (`'decomposed'`): `'checked'` fuses them if the device gives the
   * right numbers for small ones. Default `'checked'`. Where gpu.js is the executor, all are decomposed, and
   * `'fused'` is an error.
   */
  readonly composites?: CompositeForm | 'checked';
  /**
   * Who runs the kernels on WebGPU: `'own'` is the backend's encoder around the shaders that gpu.js
   * writes, `'gpu.js'` the public API of gpu.js, which is slower and depends on no internals of it.
   * Default `'own'` if the installed gpu.js is as that expects, else `'gpu.js'`, and `choice` says so.
   * Other modes have `'gpu.js'` only.
   */
  readonly executor?: Executor;
}

/** In the order in which `'auto'` tries them. */
export const MODES: readonly GpuMode[] = ['webgpu', 'webgl2', 'webasm', 'cpu'];

const EXECUTORS: readonly Executor[] = ['own', 'gpu.js'];

const PRODUCTS: readonly ProductForm[] = ['plain', 'blocked', 'tiled'];

const COMPOSITES: readonly CompositeForm[] = ['fused', 'decomposed'];

/**
 * Looks whether there is what is asked for, as far as no device has to be asked.
 *
 * @throws DeviceError with the option, its value and what it may be
 */
export function checkOptions({ mode, executor, products, composites }: GpuBackendOptions): void {
  check('mode', mode, `${MODES.join(', ')} or auto`, [...MODES, 'auto']);
  check('executor', executor, `${EXECUTORS.join(' or ')}, or leave it out`, EXECUTORS);
  check('form of products', products, `${PRODUCTS.join(', ')} or measured`, [
    ...PRODUCTS,
    'measured',
  ]);
  check('form of composites', composites, `${COMPOSITES.join(', ')} or checked`, [
    ...COMPOSITES,
    'checked',
  ]);
}

function check(
  what: string,
  value: string | undefined,
  expected: string,
  known: readonly string[],
): void {
  if (value === undefined || known.includes(value)) return;
  const problem = `there is no ${what} '${value}'. Use ${expected}.`;
  throw new DeviceError('gpuBackend', 'unavailable', problem);
}

/**
 * Refuses what gpu.js cannot do where it runs the kernels.
 *
 * @param reason Why gpu.js runs them, a clause.
 * @throws DeviceError if one of these forms was asked for
 */
export function refuseOwnForms(
  { products, composites }: Pick<GpuBackendOptions, 'products' | 'composites'>,
  reason: string,
): void {
  const refuse = (option: string, value: string, others: string): never => {
    throw new DeviceError(
      'gpuBackend',
      'unavailable',
      `${option}: '${value}' is for the backend's own executor on WebGPU, but ${reason}. Leave ${option} out, or pass ${others}.`,
    );
  };
  if (products === 'blocked' || products === 'tiled') refuse('products', products, "'plain'");
  if (composites === 'fused') refuse('composites', composites, "'decomposed'");
}
