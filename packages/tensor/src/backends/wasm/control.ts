/** The words at the start of the memory through which threads agree about runs, by their index. */
export const CONTROL = {
  /** The number of the run that threads may take part in; 0 between runs. */
  run: 0,
  /** Threads other than the main one that are in a run, or about to look whether they may be. */
  active: 1,
  /** 1 + the number of a thread whose part failed; 0 if none did. */
  failed: 2,
} as const;

/** What the main thread tells the others. */
export type ThreadMessage =
  /** The first message: the memory, the number of the thread, and where the words are. */
  | {
      readonly kind: 'start';
      readonly memory: WebAssembly.Memory;
      readonly thread: number;
      readonly words: typeof CONTROL;
    }
  | { readonly kind: 'program'; readonly id: number; readonly module: WebAssembly.Module }
  | { readonly kind: 'forget'; readonly id: number }
  | { readonly kind: 'run'; readonly run: number; readonly id: number; readonly frame: number };

/** The function that a program exports. */
export type RunFunction = (frame: number, thread: number, shared: number) => void;

/** The words of a memory. */
export function controlOf(memory: WebAssembly.Memory): Int32Array {
  return new Int32Array(memory.buffer, 0, Object.keys(CONTROL).length);
}

/** An instance of a program on a memory; `pause` is what a waiting thread does after a while. */
export function instantiate(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  pause: (address: number, value: number) => void,
): RunFunction {
  const { exports } = new WebAssembly.Instance(module, { env: { memory, pause } });
  return exports['run'] as RunFunction;
}
