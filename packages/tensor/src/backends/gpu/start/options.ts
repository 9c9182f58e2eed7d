// The options of `gpuBackend`, and the errors for values or combinations that cannot work.

import { ValueError } from '../../../errors.ts';
import type { CompositeForm, Executor, GpuMode, ProductForm } from '../device/report.ts';

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

/** What each option may be. */
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
 * Looks whether there is what is asked for, as far as no device has to be asked.
 *
 * @throws ValueError with the option, its value and what it may be, or what it contradicts
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

/** The options that can ask for what only the backend's own executor has. */
type OwnOption = 'products' | 'composites' | 'executor';

/** One of them that does. */
export interface OwnWish {
  readonly option: OwnOption;
  readonly value: string;
  /** What to pass instead. */
  readonly other: string;
}

/** The first of these; `null` if gpu.js can do all that is asked for. */
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
 * Why it cannot be had where gpu.js runs the kernels.
 *
 * @param reason Why gpu.js runs them, a clause.
 * @param remedy What else helps, an imperative.
 */
export function objection({ option, value, other }: OwnWish, reason: string, remedy = ''): string {
  const hint = `${remedy === '' ? 'Leave' : `${remedy}, leave`} ${option} out, or pass '${other}'.`;
  return `${option}: '${value}' needs the backend's own executor on WebGPU, but ${reason}. ${hint}`;
}
