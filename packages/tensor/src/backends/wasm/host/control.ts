// The words of shared memory through which the threads agree about runs, and their messages.

/** The indices of the words in memory through which threads agree about runs. */
export interface ControlWords {
  /** The number of the run that threads may join; 0 between runs. */
  readonly run: number;
  /** The program of that run. */
  readonly program: number;
  /** The address of its frame. */
  readonly frame: number;
  /** How many helper threads are in a run, or about to look whether they may join one. */
  readonly active: number;
  /** 1 + the number of a thread that failed in its part; 0 if none did. */
  readonly failed: number;
  /** How many threads watch for the next run. They need no message to wake them. */
  readonly watching: number;
  /** A bit for each thread that has loaded its file and knows the memory: {@link startBit}. */
  readonly started: number;
}

/** Bytes at the start of the memory that hold the words. */
export const CONTROL_BYTES = 1024;

/** Words of one set. */
const SET = 8;

/**
 * The words of the n-th generation of threads. Threads of an earlier generation may be about to end and
 * still write to theirs, so each has its own.
 */
export function controlWords(generation: number): ControlWords {
  const first = (generation % (CONTROL_BYTES / 4 / SET)) * SET;
  return {
    run: first,
    program: first + 1,
    frame: first + 2,
    active: first + 3,
    failed: first + 4,
    watching: first + 5,
    started: first + 6,
  };
}

/** What the main thread tells the others. */
export type ThreadMessage =
  /** The first message: the memory, the number of the thread, and where the words are. */
  | {
      readonly kind: 'start';
      readonly memory: WebAssembly.Memory;
      readonly thread: number;
      readonly words: ControlWords;
    }
  | {
      readonly kind: 'program';
      readonly id: number;
      readonly modules: readonly WebAssembly.Module[];
    }
  | { readonly kind: 'forget'; readonly id: number }
  /** Wakes a thread: there may be a run to take part in. */
  | { readonly kind: 'run' };

/** The function that each module of a program exports. */
export type RunFunction = (frame: number, thread: number, shared: number) => void;

/**
 * The bit of a thread in the word of started threads. Where there are more than 32 threads, some share a
 * bit.
 */
export function startBit(thread: number): number {
  return 1 << (thread % 32);
}

/** The words of all sets in a memory. */
export function controlOf(memory: WebAssembly.Memory): Int32Array {
  return new Int32Array(memory.buffer, 0, CONTROL_BYTES / 4);
}

/**
 * The function that runs the modules of a program in order, on a memory.
 *
 * @param pause What a waiting thread does after a while.
 * @param host Runs the plain code of a kernel.
 */
export function instantiate(
  modules: readonly WebAssembly.Module[],
  memory: WebAssembly.Memory,
  pause: (address: number, value: number) => void,
  host: (frame: number, kernel: number) => void,
): RunFunction {
  const runs = modules.map((module): RunFunction => {
    const { exports } = new WebAssembly.Instance(module, { env: { memory, pause, host } });
    return exports['run'] as RunFunction;
  });
  if (runs.length === 1) return runs[0];
  return (frame, thread, shared) => {
    for (const run of runs) run(frame, thread, shared);
  };
}
