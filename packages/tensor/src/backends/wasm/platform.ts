/** What the engine that we run in offers, asked for where it is and without importing anything of Node. */

/** A thread that takes messages. */
export interface ThreadHandle {
  post(message: unknown): void;
  /** Calls back with the reason when the thread has ended or failed. */
  onEnd(callback: (reason: string) => void): void;
  /** Ends it, soon; resolves when it has ended. A page is never told, so there it does not resolve. */
  terminate(): Promise<unknown>;
}

/** The parts of Node that we use. */
interface NodeThreads {
  readonly isMainThread: boolean;
  readonly Worker: new (url: URL) => {
    postMessage(message: unknown, transfer: readonly []): void;
    on(event: 'error', listener: (error: Error) => void): void;
    on(event: 'exit', listener: (code: number) => void): void;
    unref(): void;
    terminate(): Promise<number>;
  };
}

interface NodeProcess {
  getBuiltinModule?(name: 'node:worker_threads'): NodeThreads;
  getBuiltinModule?(name: 'node:v8'): { setFlagsFromString(flags: string): void };
  getBuiltinModule?(name: 'node:vm'): {
    runInNewContext(code: 'gc'): () => void;
    runInNewContext(code: 'FinalizationRegistry'): FinalizationRegistryConstructor;
  };
  getBuiltinModule?(name: 'node:os'): { availableParallelism(): number };
}

const node = (globalThis as { readonly process?: NodeProcess }).process;

/**
 * Lets V8 compile relaxed SIMD where it is still behind a flag. To be called before the first module
 * is compiled; later it has no effect.
 */
export function allowRelaxedSimd(): void {
  node?.getBuiltinModule?.('node:v8')?.setFlagsFromString('--experimental-wasm-relaxed-simd');
}

/** Where the program of a thread lies. Bundlers must not take this one for a file of a page. */
const THREAD_FILE = ['..', '..', '..', 'threads', 'thread.js'].join('/');

/** Whether threads can share memory: in a page, only if it is cross-origin isolated. */
export function sharesMemory(): boolean {
  if (typeof SharedArrayBuffer === 'undefined') return false;
  if (node?.getBuiltinModule?.('node:worker_threads') !== undefined) return true;
  const isolated = (globalThis as { readonly crossOriginIsolated?: boolean }).crossOriginIsolated;
  return isolated === true && typeof Worker !== 'undefined';
}

/** How many threads can run at once, and share memory. */
export function availableThreads(): number {
  if (!sharesMemory()) return 1;
  const os = node?.getBuiltinModule?.('node:os');
  return os?.availableParallelism() ?? globalThis.navigator.hardwareConcurrency;
}

/** Whether this thread may sleep until others wake it; the main thread of a page must not. */
export function mayWait(): boolean {
  return node?.getBuiltinModule !== undefined || typeof document === 'undefined';
}

/** Tells the user of something that is no error and should not pass in silence. */
export function warn(text: string): void {
  console.warn(text);
}

/**
 * Starts a thread that runs `threads/thread.js`. In Node it does not keep the process alive.
 *
 * @throws Whatever the engine says where it lets no thread start. It may also say so later, as the end
 * of the thread.
 */
export function startThread(): ThreadHandle {
  const threads = node?.getBuiltinModule?.('node:worker_threads');
  return threads === undefined ? startWebWorker() : startNodeWorker(threads);
}

function startNodeWorker({ Worker: NodeWorker }: NodeThreads): ThreadHandle {
  const worker = new NodeWorker(new URL(THREAD_FILE, import.meta.url));
  worker.unref();
  return {
    post: (message) => {
      worker.postMessage(message, []);
    },
    onEnd: (callback) => {
      worker.on('error', ({ message }) => {
        callback(message);
      });
      worker.on('exit', (code) => {
        callback(`it ended with exit code ${code}`);
      });
    },
    terminate: () => worker.terminate(),
  };
}

function startWebWorker(): ThreadHandle {
  const worker = new Worker(new URL('../../../threads/thread.js', import.meta.url), {
    type: 'module',
  });
  return {
    post: (message) => {
      worker.postMessage(message, []);
    },
    onEnd: (callback) => {
      // A file that does not load is an event without a message.
      worker.addEventListener('error', ({ message = '' }: Partial<ErrorEvent>) => {
        callback(message === '' ? 'its file did not load' : message);
      });
    },
    terminate: () => {
      worker.terminate();
      return Promise.race([]); // of no promises, which never resolves
    },
  };
}

/** A registry that may be able to call back at once, as a proposal to the language has it. */
type Registry<T> = FinalizationRegistry<T> & { cleanupSome?(): void };

const registries: { cleanupSome?(): void }[] = [];

let collect: (() => void) | undefined;

/**
 * A registry that tells when objects were collected: at the latest after the running script, and where
 * the engine can do that, during {@link collectGarbage}.
 */
export function createRegistry<T>(callback: (held: T) => void): FinalizationRegistry<T> {
  node?.getBuiltinModule?.('node:v8')?.setFlagsFromString('--harmony-weak-refs-with-cleanup-some');
  // What a flag adds to the language is there in contexts made after it was set.
  const Foreign = node?.getBuiltinModule?.('node:vm')?.runInNewContext('FinalizationRegistry');
  const registry = new (Foreign ?? FinalizationRegistry)(callback) as Registry<T>;
  registries.push(registry);
  return registry;
}

/**
 * Has garbage collected where the engine lets us ask for it: the memory of dropped tensors is outside
 * of what the collector watches, so it would not hurry by itself.
 */
export function collectGarbage(): void {
  if (collect === undefined) {
    const v8 = node?.getBuiltinModule?.('node:v8');
    v8?.setFlagsFromString('--expose-gc');
    collect = node?.getBuiltinModule?.('node:vm')?.runInNewContext('gc') ?? ((): void => undefined);
  }
  collect();
  for (const registry of registries) registry.cleanupSome?.();
}
