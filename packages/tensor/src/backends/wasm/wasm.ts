// The wasm backend and its options: the backend interface on top of the engine.

import { checkOptions, kindOf } from '../../arguments.ts';
import { expectMemory, StateError, ValueError } from '../../errors.ts';
import { own, type Backend } from '../backend.ts';
import { collectGarbage, lend } from '../collector.ts';
import { Engine } from './engine.ts';
import { availableThreads, sharesMemory } from './host/platform.ts';
import { hasRelaxedSimd } from './host/target.ts';
import { packsVectors } from './host/wide.ts';
import type { Threads } from './host/threads.ts';
import { fusedComposites } from './kernels.ts';
import { WasmStorage } from './memory/storage.ts';

/** Options of {@link wasmBackend}. */
export interface WasmOptions {
  /**
   * Threads that work together, the calling one included. Default: as many as can run at once; 1 where
   * memory cannot be shared (a page that is not cross-origin isolated).
   */
  readonly threads?: number;
  /** Whether to use relaxed SIMD. Default: where the engine has it. */
  readonly relaxed?: boolean;
  /**
   * Whether kernels are written for 256-bit vectors, which V8 makes of pairs of vectors. Default: in plans of
   * at least 0.1 ms, where the engine does that (Node 24 and 26 on x64 with AVX2). True: in all plans, on any
   * engine; elsewhere such code is slower. Results are the same, bit for bit, either way (which NaN a NaN is may
   * differ).
   */
  readonly wide?: boolean;
  /**
   * Bytes of code after which the rest of a plan goes to another WebAssembly module. Default: 4 MiB,
   * because Chromium refuses modules of more than 8 MB on the main thread of a page.
   */
  readonly moduleBytes?: number;
}

const MODULE_BYTES = 4 * 2 ** 20;

/** Plans of fewer nanoseconds than this are not worth the time of the optimizing compiler. */
const WIDE_COST = 100_000;

/** The backend in WebAssembly. */
export interface WasmBackend extends Backend {
  /**
   * Threads that work together. It becomes 1, whatever was asked for, once it is known that no other can
   * start.
   */
  readonly threads: number;
  /**
   * Why there is one thread although more were asked for; `null` if all is as asked for. No other thread
   * could start: a bundler left out the file of a page's threads, for example, or a policy forbids workers.
   * It is known after the first large computation, in a page some time later. The console shows it too.
   */
  readonly notice: string | null;
  /** Whether products use `f32x4.relaxed_madd`. */
  readonly relaxed: boolean;
  /** Whether kernels are written for 256-bit vectors, at least in plans of 0.1 ms or more. */
  readonly wide: boolean;
  /** Bytes of its memory that tensors and plans hold. */
  usedBytes(): number;
  /** Bytes of its memory, used or free. The memory grows when it must, and never shrinks. */
  memoryBytes(): number;
  /**
   * Ends its threads. A thread in a run is first asked to leave it, and gets up to two seconds for that.
   * Threads keep no process alive, so only code that counts threads needs this.
   */
  stopThreads(): void;
}

/** The most threads: more than any machine has cores, and few enough to start. */
const MOST_THREADS = 1024;

/**
 * The backend whose kernels are WebAssembly SIMD. It emits one module for each plan, byte by byte, and all
 * threads run it together on one memory. Results are the same, bit for bit, for any number of threads.
 *
 * @throws ValueError if the number of threads is not a whole number from 1 to 1024, or moduleBytes is not a
 * number above 0, or relaxed or wide are no booleans; StateError if several threads are asked for but the
 * engine has no memory to share, or relaxed SIMD is asked for but the engine has none.
 * @example
 * const backend = wasmBackend({ threads: 1 });
 * const storage = backend.store(new Float32Array([1, 2, 3]), 'float32');
 * backend.readSync(storage); // [1, 2, 3]
 */
export function wasmBackend(options: WasmOptions = {}): WasmBackend {
  checkOptions('wasmBackend', options, ['threads', 'relaxed', 'wide', 'moduleBytes']);
  const { threads = availableThreads(), moduleBytes = MODULE_BYTES } = options;
  if (!Number.isInteger(threads) || threads < 1 || threads > MOST_THREADS) {
    throw new ValueError(
      'wasmBackend',
      `threads must be a whole number from 1 to ${MOST_THREADS}, but is ${kindOf(threads)}.`,
    );
  }
  if (typeof moduleBytes !== 'number' || !(moduleBytes > 0)) {
    throw new ValueError(
      'wasmBackend',
      `moduleBytes must be a number above 0, but is ${kindOf(moduleBytes)}.`,
    );
  }
  if (threads > 1 && !sharesMemory()) {
    throw new StateError(
      'wasmBackend',
      `${threads} threads need memory that they can share, which there is not here. ` +
        'A page must be cross-origin isolated (the headers COOP: same-origin and COEP: require-corp).',
    );
  }
  for (const name of ['relaxed', 'wide'] as const) {
    const value: unknown = options[name] ?? false;
    if (typeof value !== 'boolean') {
      throw new ValueError('wasmBackend', `${name} must be a boolean, but is ${kindOf(value)}.`);
    }
  }
  const hasRelaxed = hasRelaxedSimd();
  if (options.relaxed === true && !hasRelaxed) {
    throw new StateError(
      'wasmBackend',
      'this engine has no relaxed SIMD. Leave the option relaxed out: products are a little slower without.',
    );
  }
  const target = {
    relaxed: options.relaxed ?? hasRelaxed,
    wide: options.wide ?? packsVectors(),
  };
  const wideCost = options.wide ? 0 : WIDE_COST;
  const engine = new Engine(threads, target, { moduleBytes, wideCost });
  const stopThreads = stopperOf(engine.threads);
  const backend: WasmBackend = {
    name: 'wasm',
    composites: fusedComposites,
    epilogues: new Set(['matmul', 'conv2d', 'conv2dInput']),
    get threads() {
      return engine.threads.count;
    },
    get notice() {
      return engine.threads.notice;
    },
    relaxed: target.relaxed,
    wide: target.wide,
    allocate: (dtype, size, op) => engine.allocate(backend, dtype, size, op),
    store: (array, dtype) => {
      const storage = engine.allocate(backend, dtype, array.length);
      storage.view('store').set(array);
      return storage;
    },
    read: async (storage, range) => {
      const elements = backend.readSync(storage, range);
      await engine.heap.pace.rest();
      return elements;
    },
    readSync: (storage, range) => {
      const whole = own(WasmStorage, backend, storage, 'data').view('data');
      const view = whole.subarray(range?.begin, range?.end);
      // The copy lies outside of the memory that threads share.
      return expectMemory('data', view.byteLength, () => view.slice());
    },
    writable: (storage, op) => {
      own(WasmStorage, backend, storage, op).address(op);
      return storage;
    },
    transfer: (storage, op) => own(WasmStorage, backend, storage, op).transfer(op),
    release: (storage, loss) => {
      own(WasmStorage, backend, storage, 'dispose').release(loss);
    },
    prepare: (plan, constants) => engine.prepare(backend, plan, constants),
    collect: () => {
      collectGarbage(true);
    },
    usedBytes: () => engine.heap.usedBytes,
    memoryBytes: () => engine.heap.memory.buffer.byteLength,
    stopThreads,
  };
  lend(backend, stopThreads);
  return backend;
}

/**
 * The function that ends the threads of a dropped backend. It is made outside of the backend, as
 * {@link releaserOf} is.
 */
function stopperOf(threads: Threads): () => void {
  return () => {
    threads.stop();
  };
}
