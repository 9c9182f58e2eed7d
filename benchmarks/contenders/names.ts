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

/** Names of those that take part where they are asked for: they compile for minutes, or need a GPU. */
export const NAMED_CONTENDERS = ['pytorch-compile', 'tessera-gpu', 'pytorch-cuda'] as const;

/** The name of a contender. */
export type ContenderName = (typeof CONTENDERS)[number] | (typeof NAMED_CONTENDERS)[number];

/** Names of those that run in a Python that has torch. */
export const PYTHON_CONTENDERS = ['pytorch', 'pytorch-compile', 'pytorch-cuda'] as const;

/** The name of a contender that runs in a Python. */
export type PythonContender = (typeof PYTHON_CONTENDERS)[number];

/** Whether a contender runs in a Python that has torch. */
export function isPython(name: string): name is PythonContender {
  return PYTHON_CONTENDERS.some((each) => each === name);
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
  'pytorch-compile': { mostThreads: Infinity, javascript: false, peak: false },
  'tessera-gpu': { mostThreads: Infinity, javascript: false, peak: false },
  'pytorch-cuda': { mostThreads: Infinity, javascript: false, peak: false },
  'wasm-peak': { mostThreads: Infinity, javascript: false, peak: true },
};
