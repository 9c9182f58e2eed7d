// Memory, threads and prepared plans of one wasm backend, and how a plan becomes ready to run.

import type { DType } from '../../array/dtype.ts';
import { lostIn, megabytes, StateError } from '../../errors.ts';
import { kernelName } from '../../plan/kernel.ts';
import { overwrittenInputs, type Plan } from '../../plan/plan.ts';
import { own, type Backend, type Executable, type Storage } from '../backend.ts';
import { lend, settle } from '../collector.ts';
import { controlOf, instantiate } from './host/control.ts';
import { compileWide } from './host/wide.ts';
import { Threads } from './host/threads.ts';
import type { KernelCode, Target } from './kernel/kernel-code.ts';
import { codeOf } from './kernels.ts';
import { align, Heap } from './memory/heap.ts';
import { LastingBlock } from './memory/lasting-block.ts';
import { bytesOf, WasmStorage } from './memory/storage.ts';
import { HostCalls } from './program/host-calls.ts';
import { FRAME } from './program/frame.ts';
import { costOfCodes, emitProgram, type WasmProgram } from './program/program.ts';
import { refusal } from './program/refusal.ts';

/** Work of fewer nanoseconds than this is done by the calling thread alone. */
const ALONE_COST = 100_000;

/** Limits of what is emitted. */
export interface Limits {
  /** Bytes of code after which the rest of a plan goes to another module. */
  readonly moduleBytes: number;
  /** Estimated nanoseconds from which on a plan is wide. */
  readonly wideCost: number;
}

/** Holds memory and threads, and prepares plans. */
export class Engine {
  readonly heap: Heap;
  readonly threads: Threads;
  readonly #target: Target;
  readonly #limits: Limits;
  readonly #isShared: boolean;
  readonly #mostThreads: number;
  /** The memory for the intermediate buffers and the workspace of the plan that is running. */
  readonly #scratch: LastingBlock;

  constructor(threads: number, target: Target, limits: Limits) {
    this.#isShared = threads > 1;
    this.heap = new Heap(this.#isShared);
    const { heap } = this;
    this.threads = new Threads(heap.memory, threads, {
      onLeftBehind: (end) => {
        heap.hold(end);
      },
    });
    this.#mostThreads = threads;
    this.#target = target;
    this.#limits = limits;
    this.#scratch = new LastingBlock(heap, 0, 'wasmBackend');
    controlOf(this.heap.memory).fill(0);
  }

  allocate(backend: Backend, dtype: DType, size: number, op = 'allocate'): WasmStorage {
    const block = this.heap.allocate(bytesOf(dtype, size), op);
    return new WasmStorage(backend, this.heap, dtype, size, block);
  }

  prepare(backend: Backend, plan: Plan, constants: readonly Storage[]): Executable {
    const op = plan.kernels.length === 1 ? kernelName(plan.kernels[0]) : 'run';
    const { maximumPages, memory } = this.heap;
    const imported = { shared: this.#isShared, maximumPages };
    const { moduleBytes, wideCost } = this.#limits;
    const { codes, target } = codesOf(plan, this.#target, wideCost);
    const program = emitProgram(plan, codes, imported, target, moduleBytes);
    this.#reserve(plan, program);
    const modules = target.wide
      ? compileWide(program.modules)
      : program.modules.map((bytes) => new WebAssembly.Module(bytes));
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
        const addressOf = (storage: Storage): number =>
          own(WasmStorage, backend, storage, op).address(op);
        let hasBegun = false;
        const prepareFrame = (): number => {
          const scratch = this.#scratch.address();
          const at = frame.address();
          this.#writeFrame(plan, program, { frame: at, scratch }, (place) => {
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
          // It is unknown how far the threads came.
          const lost = hasBegun ? overwrittenInputs(plan, plan.kernels.length) : [];
          for (const input of lost) backend.release(inputs[input], lostIn(error));
          throw error;
        }
        hostCalls.check();
        this.#checkRefusals(plan, frame.address());
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

  /**
   * Makes the scratch memory large enough for a plan. A lack of memory then shows here, and not during a
   * run.
   */
  #reserve(plan: Plan, { workspaceBytes, scratchBytes }: WasmProgram): void {
    const bytes = align(plan.arenaBytes) + align(workspaceBytes) + scratchBytes * this.#mostThreads;
    if (bytes <= this.#scratch.bytes) return;
    const limit = this.heap.maximumPages * 65536;
    if (bytes > limit) {
      throw new StateError(
        'prepare',
        `the plan needs ${megabytes(bytes)} for its intermediate results, but WebAssembly reaches ` +
          `${megabytes(limit)}. Use smaller batches, or checkpoint parts of the model.`,
      );
    }
    this.#scratch.grow(bytes, 'prepare');
  }

  #writeFrame(
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

  #checkRefusals(plan: Plan, frame: number): void {
    const words = new Int32Array(this.heap.memory.buffer, frame, 2);
    const refusing = words[FRAME.refusingKernel / 4];
    if (refusing === 0) return;
    throw refusal(plan.kernels[refusing - 1], words[FRAME.refusedValue / 4]);
  }
}

/** The code of the kernels of a plan, and the target that it is for. It is wide only from a cost on. */
function codesOf(
  plan: Plan,
  target: Target,
  wideCost: number,
): { readonly codes: readonly KernelCode[]; readonly target: Target } {
  const codes = plan.kernels.map((kernel) => codeOf(kernel, target));
  const isWorthIt = !target.wide || costOfCodes(codes) >= wideCost;
  return isWorthIt ? { codes, target } : codesOf(plan, { ...target, wide: false }, wideCost);
}

/**
 * The function that gives back the frame of a dropped executable. It is made outside of the executable: a
 * closure made inside would share its scope, and so keep the whole backend from being collected.
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
