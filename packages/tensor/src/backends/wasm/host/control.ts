// The words of shared memory through which the threads agree about runs, and their messages.

/** The words of the memory through which threads agree about runs, by their index. */
export interface ControlWords {
  /** The number of the run that threads may take part in; 0 between runs. */
  readonly run: number;
  /** The program of that run. */
  readonly program: number;
  /** The address of its frame. */
  readonly frame: number;
  /** Threads other than the main one that are in a run, or about to look whether they may be. */
  readonly active: number;
  /** 1 + the number of a thread whose part failed; 0 if none did. */
  readonly failed: number;
  /** Threads that watch for the next run, so that no message needs to wake them. */
  readonly watching: number;
  /** A bit for each thread whose file was loaded, and that knows the memory: {@link startBit}. */
  readonly started: number;
}

/** Bytes at the start of the memory that hold the words. */
export const CONTROL_BYTES = 1024;

/** Words of one set. */
const SET = 8;

/**
 * The words of the threads that were started for the n-th time: not those of the threads before them,
 * which may be about to end but still write to theirs.
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

/** The bit of a thread among those that have started; those of more than 32 threads share bits. */
export function startBit(thread: number): number {
  return 1 << (thread % 32);
}

/** The words of a memory, all sets of them. */
export function controlOf(memory: WebAssembly.Memory): Int32Array {
  return new Int32Array(memory.buffer, 0, CONTROL_BYTES / 4);
}

/**
 * What runs the modules of a program in order on a memory.
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
