import { checkOptions, kindOf } from '../../arguments.ts';
import type { Backend, Executable, Storage } from '../../backend.ts';
import { lend, settle } from '../../collector.ts';
import { kernelName, type CallKernel, type Kernel } from '../../compile/kernel.ts';
import { overwrittenInputs, type Plan } from '../../compile/plan.ts';
import type { CompositeName, CompositeParams } from '../../composites/table.ts';
import type { DType, TypedArray } from '../../dtype.ts';
import {
  expectMemory,
  foreignStorage,
  lostIn,
  megabytes,
  StateError,
  ValueError,
} from '../../errors.ts';
import type { ContractParams } from '../../primitives/contract.ts';
import type { GatherParams } from '../../primitives/gather.ts';
import type { SourceParams } from '../../primitives/source.ts';
import { attentionGrad } from './attention-grad.ts';
import { attention } from './attention.ts';
import { controlOf, instantiate } from './control.ts';
import { conv2dWeight } from './conv-weight.ts';
import { conv2d, conv2dInput } from './conv.ts';
import { gather } from './gather.ts';
import { align, Heap } from './heap.ts';
import { HostCalls } from './host-calls.ts';
import type { KernelCode, Target } from './kernel-code.ts';
import { LastingBlock } from './lasting-block.ts';
import { layerNormGrad, layerNormStatistics } from './layer-norm.ts';
import { map } from './map.ts';
import { matmul } from './matmul.ts';
import { availableThreads, sharesMemory } from './platform.ts';
import { emitProgram, FRAME, type WasmProgram } from './program.ts';
import { reduce } from './reduce.ts';
import { refusal } from './refusal.ts';
import { scatterAdd } from './scatter.ts';
import { iota, randomBits } from './source.ts';
import { logSoftmax, logSumExp, softmax, softmaxGrad } from './softmax.ts';
import { bytesOf, WasmStorage } from './storage.ts';
import { hasRelaxedSimd } from './target.ts';
import { Threads } from './threads.ts';

/** Options of {@link wasmBackend}. */
export interface WasmOptions {
  /**
   * Threads that work together, the calling one included. Default: as many as run at once; 1 where
   * memory cannot be shared (a page that is not cross-origin isolated).
   */
  readonly threads?: number;
  /** Whether to use relaxed SIMD. Default: where the engine has it. */
  readonly relaxed?: boolean;
  /**
   * Bytes of code after which the rest of a plan goes to another WebAssembly module. Default 4 MiB: on the
   * main thread of a page, Chromium refuses modules of more than 8 MB.
   */
  readonly moduleBytes?: number;
}

const MODULE_BYTES = 4 * 2 ** 20;

/** The backend in WebAssembly. */
export interface WasmBackend extends Backend {
  /** Threads that work together: 1, whatever was asked for, once it is known that no other can be started. */
  readonly threads: number;
  /**
   * Why there is one thread although more were asked for: no other could be started, as where a bundler
   * left the file of a page's threads out or a policy forbids workers. `null` where all is as asked for.
   * It is known after the first large computation, in a page some time later, and the console shows it too.
   */
  readonly notice: string | null;
  /** Whether products use `f32x4.relaxed_madd`. */
  readonly relaxed: boolean;
  /** Bytes of its memory that tensors and plans hold. */
  usedBytes(): number;
  /** Bytes of its memory, used or free. It grows when it must, and never shrinks. */
  memoryBytes(): number;
  /**
   * Ends its threads; one that is in a run is first asked to leave it, and waited for up to two seconds.
   * They keep no process alive, so this is for those who count them.
   */
  stopThreads(): void;
}

/** Threads that there may be: more than any machine has cores, and few enough to start. */
const MOST_THREADS = 1024;

/** Work of less than this many nanoseconds is done by the calling thread alone. */
const ALONE_COST = 100_000;

/**
 * The composites that have a kernel of their own. layerNorm is a kernel for its statistics, and pointwise
 * work that fuses with its neighbours.
 */
type FusedName = Exclude<CompositeName, 'layerNorm'>;

const fused: {
  readonly [N in FusedName]: (kernel: CallKernel, params: CompositeParams[N]) => KernelCode;
} = {
  softmax,
  softmaxGrad,
  logSumExp,
  logSoftmax,
  layerNormStatistics,
  layerNormGrad,
  attention,
  attentionGrad,
};

/** The operations that have a kernel of their own, with their attributes. */
interface CallParams
  extends ContractParams, GatherParams, SourceParams, Pick<CompositeParams, FusedName> {}

const calls: {
  readonly [N in keyof CallParams]: (kernel: CallKernel, params: CallParams[N]) => KernelCode;
} = { matmul, conv2d, conv2dInput, conv2dWeight, gather, scatterAdd, iota, randomBits, ...fused };

/**
 * The backend whose kernels are WebAssembly SIMD, emitted byte by byte for each plan: one module a
 * plan, which all threads run together on one memory. Results are the same, bit for bit, for any
 * number of threads.
 *
 * @throws ValueError if the number of threads is not a whole number of at least 1, or moduleBytes no number
 * above 0; StateError if threads or relaxed SIMD are asked for and the engine has no memory to share, or no
 * relaxed SIMD.
 * @example
 * const backend = wasmBackend({ threads: 1 });
 * const storage = backend.store(new Float32Array([1, 2, 3]), 'float32');
 * backend.readSync(storage); // [1, 2, 3]
 */
export function wasmBackend(options: WasmOptions = {}): WasmBackend {
  checkOptions('wasmBackend', options, ['threads', 'relaxed', 'moduleBytes']);
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
  const hasRelaxed = hasRelaxedSimd();
  if (options.relaxed === true && !hasRelaxed) {
    throw new StateError(
      'wasmBackend',
      'this engine has no relaxed SIMD. Leave the option relaxed out: products are a little slower without.',
    );
  }
  const target = { relaxed: options.relaxed ?? hasRelaxed };
  const engine = new Engine(threads, target, moduleBytes);
  const stopThreads = stopperOf(engine.threads);
  const backend: WasmBackend = {
    name: 'wasm',
    composites: new Set(Object.keys(fused)),
    epilogues: new Set(['matmul', 'conv2d', 'conv2dInput']),
    get threads() {
      return engine.threads.count;
    },
    get notice() {
      return engine.threads.notice;
    },
    relaxed: target.relaxed,
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
    readSync: (storage, range) =>
      copyOf(own(backend, storage, 'data').view('data').subarray(range?.begin, range?.end)),
    writable: (storage, op) => {
      own(backend, storage, op).address(op);
      return storage;
    },
    transfer: (storage, op) => own(backend, storage, op).transfer(op),
    release: (storage, loss) => {
      own(backend, storage, 'dispose').release(loss);
    },
    prepare: (plan, constants) => engine.prepare(backend, plan, constants),
    usedBytes: () => engine.heap.usedBytes,
    memoryBytes: () => engine.heap.memory.buffer.byteLength,
    stopThreads,
  };
  lend(backend, stopThreads);
  return backend;
}

/** Elements outside of the memory that threads share. */
function copyOf(view: TypedArray): TypedArray {
  return expectMemory('data', view.byteLength, () => {
    if (view instanceof Float32Array) return new Float32Array(view);
    return view instanceof Int32Array ? new Int32Array(view) : new Uint8Array(view);
  });
}

/** The storage as one of this backend. */
function own(backend: Backend, storage: Storage, op: string): WasmStorage {
  if (storage instanceof WasmStorage && storage.backend === backend) return storage;
  throw foreignStorage(op, storage.backend.name, backend.name);
}

/** Memory, threads and the preparation of plans. */
class Engine {
  readonly heap: Heap;
  readonly threads: Threads;
  private readonly target: Target;
  private readonly moduleBytes: number;
  private readonly isShared: boolean;
  private readonly mostThreads: number;
  /** Where the intermediate buffers and the workspace of whatever plan is running lie. */
  private readonly scratch: LastingBlock;

  constructor(threads: number, target: Target, moduleBytes: number) {
    this.isShared = threads > 1;
    this.heap = new Heap(this.isShared);
    const { heap } = this;
    this.threads = new Threads(heap.memory, threads, {
      onLeftBehind: (end) => {
        heap.hold(end);
      },
    });
    this.mostThreads = threads;
    this.target = target;
    this.moduleBytes = moduleBytes;
    this.scratch = new LastingBlock(heap, 0, 'wasmBackend');
    controlOf(this.heap.memory).fill(0);
  }

  allocate(backend: Backend, dtype: DType, size: number, op = 'allocate'): WasmStorage {
    const block = this.heap.allocate(bytesOf(dtype, size), op);
    return new WasmStorage(backend, this.heap, dtype, size, block);
  }

  prepare(backend: Backend, plan: Plan, constants: readonly Storage[]): Executable {
    const op = plan.kernels.length === 1 ? kernelName(plan.kernels[0]) : 'run';
    const { maximumPages, memory } = this.heap;
    const imported = { shared: this.isShared, maximumPages };
    const program = emitProgram(plan, codeOf, imported, this.target, this.moduleBytes);
    this.reserve(plan, program);
    const modules = program.modules.map((bytes) => new WebAssembly.Module(bytes));
    const { threads } = this;
    const together = threads.count > 1 && program.cost > ALONE_COST;
    const id = together ? threads.register(modules) : 0;
    const frame = new LastingBlock(this.heap, program.frameBytes, 'prepare');
    const hostCalls = new HostCalls(plan, program.hosts, memory);
    const run = instantiate(
      modules,
      memory,
      (address, value) => {
        threads.pause(address, value);
      },
      hostCalls.call,
    );
    const main = (at: number, isShared: boolean): void => {
      run(at, 0, isShared ? 1 : 0);
    };
    const executable: Executable = {
      run: (inputs, outputs) => {
        const addressOf = (storage: Storage): number => own(backend, storage, op).address(op);
        let hasBegun = false;
        const prepareFrame = (): number => {
          const scratch = this.scratch.address();
          const at = frame.address();
          this.writeFrame(plan, program, { frame: at, scratch }, (place) => {
            if (place.kind === 'arena') return scratch + place.offset;
            if (place.kind === 'constant') return addressOf(constants[place.index]);
            return addressOf((place.kind === 'input' ? inputs : outputs)[place.index]);
          });
          hasBegun = true;
          return at;
        };
        try {
          if (together) threads.run(id, prepareFrame, main, program.pieceCost / 1e6);
          else run(prepareFrame(), 0, 0);
        } catch (error) {
          // Nobody knows how far the threads came.
          const lost = hasBegun ? overwrittenInputs(plan, plan.kernels.length) : [];
          for (const input of lost) backend.release(inputs[input], lostIn(error));
          throw error;
        }
        hostCalls.check();
        this.checkRefusals(plan, frame.address());
      },
      release: () => {
        settle(loan);
        release();
      },
    };
    const release = releaserOf(frame, together ? threads : null, id);
    const loan = lend(executable, release);
    return executable;
  }

  /** Makes the scratch memory large enough for a plan, so that it fails now and not in the middle. */
  private reserve(plan: Plan, { workspaceBytes, scratchBytes }: WasmProgram): void {
    const bytes = align(plan.arenaBytes) + align(workspaceBytes) + scratchBytes * this.mostThreads;
    if (bytes <= this.scratch.bytes) return;
    const limit = this.heap.maximumPages * 65536;
    if (bytes > limit) {
      throw new StateError(
        'prepare',
        `the plan needs ${megabytes(bytes)} for its intermediate results, but WebAssembly reaches ` +
          `${megabytes(limit)}. Use smaller batches, or checkpoint parts of the model.`,
      );
    }
    this.scratch.grow(bytes, 'prepare');
  }

  private writeFrame(
    plan: Plan,
    program: WasmProgram,
    { frame, scratch }: { readonly frame: number; readonly scratch: number },
    addressOf: (place: Plan['buffers'][number]['place']) => number,
  ): void {
    const { buffer } = this.heap.memory;
    new Uint8Array(buffer, frame + program.countersAt, program.countersBytes).fill(0);
    const words = new Int32Array(buffer, frame, program.countersAt / 4);
    const workspace = scratch + align(plan.arenaBytes);
    words[FRAME.refusingKernel / 4] = 0;
    words[FRAME.workspace / 4] = workspace;
    words[FRAME.scratch / 4] = workspace + align(program.workspaceBytes);
    plan.buffers.forEach(({ place }, i) => {
      words[FRAME.buffers / 4 + i] = addressOf(place);
    });
  }

  private checkRefusals(plan: Plan, frame: number): void {
    const words = new Int32Array(this.heap.memory.buffer, frame, 2);
    const refusing = words[FRAME.refusingKernel / 4];
    if (refusing === 0) return;
    throw refusal(plan.kernels[refusing - 1], words[FRAME.refusedValue / 4]);
  }
}

/** What ends the threads of a dropped backend, and is made apart from it as {@link releaserOf} is. */
function stopperOf(threads: Threads): () => void {
  return () => {
    threads.stop();
  };
}

/**
 * What gives the frame of a dropped executable back. It is made here, apart from the executable: a
 * closure made beside it would share its scope, and so keep the whole backend from being collected.
 */
function releaserOf(frame: LastingBlock, threads: Threads | null, id: number): () => void {
  const release = (): void => {
    frame.release();
  };
  return () => {
    if (threads === null) release();
    else threads.forget(id, release);
  };
}

function codeOf(kernel: Kernel): KernelCode {
  if (kernel.kind === 'map') return map(kernel);
  if (kernel.kind === 'reduce') return reduce(kernel);
  const { operation, params } = kernel;
  if (operation.kind === 'kernel' && operation.kernels)
    return operation.kernels.wasm(kernel, params);
  const { name } = operation;
  if (!Object.hasOwn(calls, name)) {
    throw new StateError(
      'prepare',
      `the wasm backend has no kernel for ${name}. Composites that a backend does not list must be decomposed.`,
    );
  }
  const call: (kernel: CallKernel, params: never) => KernelCode = calls[name as keyof CallParams];
  return call(kernel, params as never); // an operation and its attributes belong together
}
