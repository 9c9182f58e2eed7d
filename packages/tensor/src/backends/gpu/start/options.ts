// The options of `gpuBackend`, and the errors for values or combinations that cannot work.

import { ValueError } from '../../../errors.ts';
import type { CompositeForm, Executor, GpuMode, ProductForm } from '../device/report.ts';

/** Options of `gpuBackend`. */
export interface GpuBackendOptions {
  /**
   * Where kernels run. `'webgpu'` and `'webgl2'` are GPUs; `'webasm'` and `'cpu'` run gpu.js without a GPU.
   * `'auto'` takes the first of these that works. Default `'auto'`.
   */
  readonly mode?: GpuMode | 'auto';
  /**
   * Whether to check the first run of every kernel against a reference. A difference throws at the next
   * `await` of values, with the kernel and its operands. Slow. Default false.
   */
  readonly verify?: boolean;
  /**
   * The form of large matrix products on WebGPU. `'measured'` times the forms on the device and takes the
   * fastest one with right numbers. Default `'measured'`. If gpu.js is the executor, all products are plain,
   * and asking for another form is an error.
   */
  readonly products?: ProductForm | 'measured';
  /**
   * How softmax, layer norm and attention run on WebGPU: as kernels whose threads share memory (`'fused'`) or
   * as the primitives of their definition (`'decomposed'`). `'checked'` fuses them if the device computes
   * small ones right. Default `'checked'`. If gpu.js is the executor, all are decomposed, and `'fused'` is an
   * error.
   */
  readonly composites?: CompositeForm | 'checked';
  /**
   * Who runs the kernels on WebGPU. `'own'` is the backend's encoder around the shaders that gpu.js writes.
   * `'gpu.js'` is the public API of gpu.js, which is slower but needs no internals of it. Default `'own'` if
   * the installed gpu.js has the internals that it needs, else `'gpu.js'`, and `choice` says so. Other modes
   * have `'gpu.js'` only.
   */
  readonly executor?: Executor;
}

/** The modes in the order in which `'auto'` tries them. */
export const MODES: readonly GpuMode[] = ['webgpu', 'webgl2', 'webasm', 'cpu'];

/** The values that each option accepts. */
const VALUES: {
  readonly [K in keyof GpuBackendOptions]-?: readonly NonNullable<GpuBackendOptions[K]>[];
} = {
  mode: [...MODES, 'auto'],
  verify: [true, false],
  products: ['plain', 'blocked', 'tiled', 'measured'],
  composites: ['fused', 'decomposed', 'checked'],
  executor: ['own', 'gpu.js'],
};

/**
 * Checks the options as far as that needs no device.
 *
 * @throws ValueError with the option, its value and the accepted values, or the other option that contradicts
 *   it
 */
export function checkOptions(options: GpuBackendOptions): void {
  for (const [option, value] of Object.entries(options)) {
    if (!Object.hasOwn(VALUES, option)) {
      const names = Object.keys(VALUES).join(', ');
      throw new ValueError('gpuBackend', `there is no option ${option}. There are ${names}.`);
    }
    const known: readonly unknown[] = VALUES[option as keyof typeof VALUES];
    if (value === undefined || known.includes(value)) continue;
    throw new ValueError(
      'gpuBackend',
      `${option} is ${quoted(value)}. Pass one of ${known.map(quoted).join(', ')}, or leave it out.`,
    );
  }
  const { mode = 'auto', executor } = options;
  const isElsewhere = mode !== 'auto' && mode !== 'webgpu';
  if (executor !== 'gpu.js' && !isElsewhere) return;
  const reason = isElsewhere
    ? `in mode ${mode} gpu.js runs the kernels`
    : "executor: 'gpu.js' was asked for";
  const wish = ownWish(options);
  if (wish !== null) throw new ValueError('gpuBackend', objection(wish, reason));
}

function quoted(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

/** The options that can ask for a feature of the backend's own executor. */
type OwnOption = 'products' | 'composites' | 'executor';

/** An option that asks for such a feature. */
export interface OwnWish {
  readonly option: OwnOption;
  readonly value: string;
  /** What to pass instead. */
  readonly other: string;
}

/** The first such wish in the options; `null` if gpu.js can do all that is asked for. */
export function ownWish({
  products,
  composites,
  executor,
}: Readonly<Partial<Record<OwnOption, string | undefined>>>): OwnWish | null {
  if (products === 'blocked' || products === 'tiled') {
    return { option: 'products', value: products, other: 'plain' };
  }
  if (composites === 'fused')
    return { option: 'composites', value: composites, other: 'decomposed' };
  if (executor === 'own') return { option: 'executor', value: executor, other: 'gpu.js' };
  return null;
}

/**
 * The error text for a wish that cannot be met because gpu.js runs the kernels.
 *
 * @param reason Why gpu.js runs them, a clause.
 * @param remedy Another remedy, an imperative.
 */
export function objection({ option, value, other }: OwnWish, reason: string, remedy = ''): string {
  const hint = `${remedy === '' ? 'Leave' : `${remedy}, leave`} ${option} out, or pass '${other}'.`;
  return `${option}: '${value}' needs the backend's own executor on WebGPU, but ${reason}. ${hint}`;
}
