// The contenders by name, and what is known of each without starting it.

/** Names of the contenders. */
export const CONTENDERS = [
  'tessera',
  'jax-js',
  'tfjs',
  'js-pytorch',
  'onnxruntime',
  'pytorch',
  'wasm-peak',
] as const;

/** Names of those that need a GPU, which take part where they are asked for. */
export const GPU_CONTENDERS = ['tessera-gpu', 'pytorch-cuda'] as const;

/** The name of a contender. */
export type ContenderName = (typeof CONTENDERS)[number] | (typeof GPU_CONTENDERS)[number];

/** Whether a contender runs in a Python that has torch. */
export function isPython(name: ContenderName): boolean {
  return name === 'pytorch' || name === 'pytorch-cuda';
}

/** What the coordinator has to know of a contender. */
export interface Traits {
  /** The most threads that it can be given; more are not asked for. */
  readonly mostThreads: number;
  /** Whether it is an engine for JavaScript, against which the headline compares. */
  readonly javascript: boolean;
  /** Whether it does the peak loops, and nothing else. */
  readonly peak: boolean;
}

/** The traits of every contender. */
export const TRAITS: Readonly<Record<ContenderName, Traits>> = {
  tessera: { mostThreads: Infinity, javascript: false, peak: false },
  'jax-js': { mostThreads: Infinity, javascript: true, peak: false },
  tfjs: { mostThreads: 1, javascript: true, peak: false },
  'js-pytorch': { mostThreads: 1, javascript: true, peak: false },
  onnxruntime: { mostThreads: Infinity, javascript: false, peak: false },
  pytorch: { mostThreads: Infinity, javascript: false, peak: false },
  'tessera-gpu': { mostThreads: Infinity, javascript: false, peak: false },
  'pytorch-cuda': { mostThreads: Infinity, javascript: false, peak: false },
  'wasm-peak': { mostThreads: Infinity, javascript: false, peak: true },
};
