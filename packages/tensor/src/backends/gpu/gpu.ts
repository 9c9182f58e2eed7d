// The gpu backend: opens an engine, runs plans on it, and can check every kernel against a reference.

import { own, type Backend, type Executable, type Storage } from '../backend.ts';
import { CollectionPace } from '../collector.ts';
import type { Plan } from '../../plan/plan.ts';
import type { TypedArray } from '../../array/dtype.ts';
import { StateError } from '../../errors.ts';
import type { Engine, MemoryUse } from './device/engine.ts';
import type { DeviceReport, GpuMode } from './device/report.ts';
import { DeviceError } from './device/errors.ts';
import { prepare } from './run/executor.ts';
import { loadGpuJs } from './device/gpu-js.ts';
import { fusedComposites } from './run/lower.ts';
import { checkOptions, MODES, ownWish, type GpuBackendOptions } from './start/options.ts';
import { Pending } from './device/pending.ts';
import { startEngine } from './start/probe.ts';
import {
  decodeElements,
  encodeElements,
  floatRanges,
  floatsOf,
  GpuStorage,
} from './run/storage.ts';
import { verifyPlan, type Reference } from './run/verify.ts';

/** A backend that runs the kernels of gpu.js. */
export interface GpuBackend extends Backend {
  /** The mode, executor and adapter that run the kernels. */
  readonly device: DeviceReport;
  /**
   * Why this mode and executor were chosen: which modes were tried before, and what each of them lacks. Also
   * the forms of kernels that the device refuses or computes wrongly.
   */
  readonly choice: string;
  /** Memory of the device that the backend holds, in use or ready for use again. */
  memoryUse(): MemoryUse;
  /** Frees the device, so that the process can exit; tensors of the backend are lost. */
  dispose(): Promise<void>;
}

/**
 * Opens a backend whose kernels gpu.js compiles; see `gpuBackend` of the entry.
 *
 * @param reference Makes the reference that `verify` compares with.
 */
export async function openGpuBackend(
  options: GpuBackendOptions,
  reference: () => Reference,
): Promise<GpuBackend> {
  checkOptions(options);
  const {
    mode = 'auto',
    verify = false,
    products = 'measured',
    composites = 'checked',
    executor,
  } = options;
  const library = await loadGpuJs();
  const failures: DeviceError[] = [];
  // Only webgpu has another executor than gpu.js; the other modes would all refuse with the same words.
  const wish = ownWish(options);
  const automatic = wish === null ? MODES : (['webgpu'] as const);
  for (const candidate of mode === 'auto' ? automatic : [mode]) {
    try {
      const started = await startEngine(library, {
        mode: candidate,
        products,
        composites,
        executor,
      });
      const { engine, fallbacks } = started;
      const choice = [describeChoice(candidate, mode, failures), ...fallbacks].join('\n');
      return createBackend(engine, choice, verify ? reference() : null);
    } catch (error) {
      if (!(error instanceof DeviceError) || mode !== 'auto') throw error;
      failures.push(error);
    }
  }
  const reasons = reasonsOf(failures).join(' ');
  const problem =
    wish === null
      ? `no mode works. ${reasons}`
      : `with ${wish.option}: '${wish.value}', mode auto tries only webgpu. ${reasons}`;
  throw new DeviceError('gpuBackend', 'unavailable', problem, { cause: failures.at(-1) });
}

function describeChoice(chosen: GpuMode, asked: string, failures: readonly DeviceError[]): string {
  if (asked !== 'auto') return `mode ${chosen} was asked for.`;
  if (failures.length === 0) return `mode ${chosen} is the first of ${MODES.join(', ')}.`;
  return [`mode ${chosen} is the first that works.`, ...reasonsOf(failures)].join('\n');
}

/** Why each failed mode does not work. Mode auto tries the modes in order, so failure i belongs to mode i. */
function reasonsOf(failures: readonly DeviceError[]): string[] {
  return failures.map(({ message }, i) => `${MODES[i]}: ${message}`);
}

function createBackend(engine: Engine, choice: string, reference: Reference | null): GpuBackend {
  let disposal: Promise<void> | null = null;
  const checks = new Checks();
  const pace = new CollectionPace(() => engine.memoryUse().bytes);
  const backend: GpuBackend = {
    name: 'gpu',
    get device() {
      return engine.report;
    },
    choice,
    composites: engine.runsEntries ? fusedComposites : new Set(),
    epilogues: new Set(),
    allocate: (dtype, size) => {
      pace.handOut(4 * floatsOf(dtype, size));
      return new GpuStorage(backend, engine, dtype, size, null);
    },
    store: (array, dtype) => {
      const floats = encodeElements(array);
      const scalar = array.length === 1 ? floats : null;
      return new GpuStorage(backend, engine, dtype, array.length, engine.upload(floats), scalar);
    },
    read: async (storage, range = { begin: 0, end: storage.size }) => {
      const memory = own(GpuStorage, backend, storage, 'data').memory('data');
      const floats = await engine.read(memory, floatRanges(storage, range));
      await checks.settle();
      await pace.rest();
      return decodeElements(floats, storage.dtype, range.end - range.begin);
    },
    readSync: (storage, range = { begin: 0, end: storage.size }) => {
      const memory = own(GpuStorage, backend, storage, 'data').memory('data');
      const floats = engine.readSync(memory, floatRanges(storage, range));
      return decodeElements(floats, storage.dtype, range.end - range.begin);
    },
    writable: (storage, op) => {
      own(GpuStorage, backend, storage, op).check(op);
      return storage;
    },
    transfer: (storage, op) => own(GpuStorage, backend, storage, op).transfer(op),
    release: (storage, loss) => {
      own(GpuStorage, backend, storage, 'dispose').release(loss);
      pace.takeBack(4 * floatsOf(storage.dtype, storage.size));
    },
    prepare: (plan, constants) => {
      if (disposal !== null) {
        throw new StateError(
          'prepare',
          'the backend was disposed. Make a new one with gpuBackend().',
        );
      }
      const executable = prepare(backend, engine, plan, constants);
      if (reference === null) return executable;
      return verified(backend, engine, reference, plan, constants, executable, checks);
    },
    memoryUse: () => engine.memoryUse(),
    dispose: () => {
      disposal ??= engine.dispose();
      return disposal;
    },
  };
  return backend;
}

/** Comparisons that are still running. */
class Checks {
  readonly #running = new Pending();
  #failure: Error | null = null;

  add(check: Promise<void>): void {
    this.#running.add(
      check.catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error));
      }),
    );
  }

  /** Waits for all comparisons, and throws the first failure. */
  async settle(): Promise<void> {
    await this.#running.settled();
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure;
  }
}

/** Wraps an executable: its first run compares every kernel with the reference. */
function verified(
  backend: Backend,
  engine: Engine,
  reference: Reference,
  plan: Plan,
  constants: readonly Storage[],
  executable: Executable,
  checks: Checks,
): Executable {
  let isVerified = false;
  /** The elements; `null` if their computation failed, since their reader is told of that. */
  const read = async (storage: Storage): Promise<TypedArray | null> => {
    const memory = own(GpuStorage, backend, storage, 'run').memory('run');
    try {
      return decodeElements(await engine.read(memory), storage.dtype, storage.size);
    } catch (error) {
      if (engine.failureOf(memory) === null) throw error;
      return null;
    }
  };
  const verify = async (
    reads: readonly Promise<readonly [number, TypedArray | null]>[],
  ): Promise<void> => {
    const operands = new Map<number, TypedArray>();
    for (const [slot, elements] of await Promise.all(reads)) {
      if (elements !== null) operands.set(slot, elements);
    }
    if (operands.size === reads.length) await verifyPlan(engine, reference, plan, operands);
    // The operands are incomplete: verify the next run instead.
    else isVerified = false;
  };
  return {
    run: (inputs, outputs) => {
      if (!isVerified) {
        isVerified = true;
        const operands = plan.buffers.flatMap(({ place }, slot) => {
          if (place.kind !== 'input' && place.kind !== 'constant') return [];
          const storage = (place.kind === 'input' ? inputs : constants)[place.index];
          return [read(storage).then((elements) => [slot, elements] as const)];
        });
        checks.add(verify(operands));
      }
      executable.run(inputs, outputs);
    },
  };
}
