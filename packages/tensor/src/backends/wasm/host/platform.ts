// What the JavaScript engine offers: shared memory, cores, waiting, and how to start a thread.

import { THREAD_TEXT } from './thread-text.ts';

/** A thread that takes messages. */
export interface ThreadHandle {
  post(message: unknown): void;
  /** Registers a callback, which gets the reason once the thread has ended or failed. */
  onEnd(callback: (reason: string) => void): void;
  /** Ends the thread soon. The promise resolves when it has ended, but never in a page, which is not told. */
  terminate(): Promise<unknown>;
}

/** The parts of Node that this file uses. */
interface NodeThreads {
  readonly isMainThread: boolean;
  readonly Worker: new (
    program: string,
    options: { readonly eval: true },
  ) => {
    postMessage(message: unknown, transfer: readonly []): void;
    on(event: 'error', listener: (error: Error) => void): void;
    on(event: 'exit', listener: (code: number) => void): void;
    unref(): void;
    terminate(): Promise<number>;
  };
}

interface NodeProcess {
  readonly arch?: string;
  readonly versions?: {
    readonly node?: string;
    readonly v8?: string;
    readonly deno?: string;
    readonly bun?: string;
  };
  getBuiltinModule?(name: 'node:worker_threads'): NodeThreads;
  getBuiltinModule?(name: 'node:v8'): { setFlagsFromString(flags: string): void };
  getBuiltinModule?(name: 'node:os'): { availableParallelism(): number };
}

/** Node, or what stands in for it; missing in pages. */
export const node: NodeProcess | undefined = (globalThis as { readonly process?: NodeProcess })
  .process;

/**
 * Lets V8 compile relaxed SIMD where that still needs a flag (Node 20). Other versions would complain of
 * the flag.
 */
export function allowRelaxedSimd(): void {
  if (node?.versions?.v8?.startsWith('11.3.') !== true) return;
  node.getBuiltinModule?.('node:v8').setFlagsFromString('--experimental-wasm-relaxed-simd');
}

/** Whether threads can share memory. In a page they can only if it is cross-origin isolated. */
export function sharesMemory(): boolean {
  if (typeof SharedArrayBuffer === 'undefined') return false;
  if (node?.getBuiltinModule?.('node:worker_threads') !== undefined) return true;
  const isolated = (globalThis as { readonly crossOriginIsolated?: boolean }).crossOriginIsolated;
  return isolated === true && typeof Worker !== 'undefined';
}

/** How many threads can run at once and share memory. */
export function availableThreads(): number {
  if (!sharesMemory()) return 1;
  const os = node?.getBuiltinModule?.('node:os');
  return os?.availableParallelism() ?? globalThis.navigator.hardwareConcurrency;
}

/** Whether this thread may sleep until others wake it. The main thread of a page must not. */
export function mayWait(): boolean {
  return node?.getBuiltinModule !== undefined || typeof document === 'undefined';
}

/** Warns the user of something that is no error but should not pass in silence. */
export function warn(text: string): void {
  console.warn(text);
}

/**
 * Starts a thread that runs `threads/thread.js`. A page starts it from the file. Node starts it from the
 * text of the file, which a bundler takes along with this module; there it does not keep the process alive.
 *
 * @throws The error of the engine, if it lets no thread start. The engine may also report that later, as
 * the end of the thread.
 */
export function startThread(): ThreadHandle {
  const threads = node?.getBuiltinModule?.('node:worker_threads');
  if (threads === undefined || THREAD_TEXT === null) return startWebWorker();
  return startNodeWorker(threads, THREAD_TEXT);
}

function startNodeWorker({ Worker: NodeWorker }: NodeThreads, program: string): ThreadHandle {
  const worker = new NodeWorker(program, { eval: true });
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
  const worker = new Worker(new URL('../../../../threads/thread.js', import.meta.url), {
    type: 'module',
  });
  return {
    post: (message) => {
      worker.postMessage(message, []);
    },
    onEnd: (callback) => {
      // A file that does not load gives an event without a message.
      worker.addEventListener('error', ({ message = '' }: Partial<ErrorEvent>) => {
        callback(message === '' ? 'its file did not load' : message);
      });
    },
    terminate: () => {
      worker.terminate();
      return Promise.race([]); // a race of no promises never resolves
    },
  };
}
