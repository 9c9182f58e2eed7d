// The cpu backend: plain TypeScript loops that define what every primitive means.

import { own, type Backend, type Executable, type Storage } from '../backend.ts';
import { kernelIn, kernelName, type CallKernel, type Kernel } from '../../plan/kernel.ts';
import { overwrittenInputs, type Plan } from '../../plan/plan.ts';
import { allocateArray, type DType, type TypedArray } from '../../array/dtype.ts';
import { expectMemory, lostIn } from '../../errors.ts';
import type { KernelParams } from '../../primitives/table.ts';
import { gather, scatterAdd } from './gather.ts';
import { map } from './map.ts';
import { matmul } from './matmul.ts';
import { reduce } from './reduce.ts';
import { iota, randomBits } from './source.ts';
import { CpuStorage } from './storage.ts';

/** A kernel that is ready to run on the memory of the plan's buffers. */
type Run = (buffers: readonly TypedArray[]) => void;

/** The operations that have a kernel of their own. */
const calls: {
  readonly [N in keyof KernelParams]: (kernel: CallKernel, params: KernelParams[N]) => Run;
} = { matmul, gather, scatterAdd, iota, randomBits };

/**
 * Makes the backend in plain TypeScript loops. It defines the meaning of each primitive, and all other
 * backends are tested against it. It is synchronous, has one thread and no composites.
 *
 * @example
 * const backend = cpuBackend();
 * const storage = backend.store(new Float32Array([1, 2, 3]), 'float32');
 * backend.readSync(storage); // [1, 2, 3]
 */
export function cpuBackend(): Backend {
  const backend: Backend = {
    name: 'cpu',
    composites: new Set(),
    epilogues: new Set(),
    allocate: (dtype, size, op) =>
      new CpuStorage(backend, dtype, allocateArray(dtype, size, op), false),
    store: (array, dtype) => new CpuStorage(backend, dtype, array, true),
    read: (storage, range) =>
      new Promise((resolve) => {
        resolve(backend.readSync(storage, range));
      }),
    readSync: (storage, range) =>
      own(CpuStorage, backend, storage, 'data').share('data').subarray(range?.begin, range?.end),
    writable: (storage, op) => own(CpuStorage, backend, storage, op).writable(op),
    transfer: (storage, op) => own(CpuStorage, backend, storage, op).transfer(op),
    release: (storage, loss) => {
      own(CpuStorage, backend, storage, 'dispose').release(loss);
    },
    prepare: (plan, constants) => prepare(backend, plan, constants),
  };
  return backend;
}

function prepare(backend: Backend, plan: Plan, constants: readonly Storage[]): Executable {
  const op = plan.kernels.length === 1 ? kernelName(plan.kernels[0]) : 'run';
  const arena = expectMemory('prepare', plan.arenaBytes, () => new ArrayBuffer(plan.arenaBytes));
  const runs = plan.kernels.map(instantiate);
  const memory = (storage: Storage): TypedArray =>
    own(CpuStorage, backend, storage, op).elements(op);
  const resolvers = plan.buffers.map(({ dtype, size, place }): Resolver => {
    if (place.kind === 'arena') {
      const elements = viewArena(arena, place.offset, dtype, size);
      return () => elements;
    }
    if (place.kind === 'constant') return () => memory(constants[place.index]);
    if (place.kind === 'input') return (inputs) => memory(inputs[place.index]);
    return (_inputs, outputs) => memory(outputs[place.index]);
  });
  return {
    run: (inputs, outputs) => {
      const buffers = resolvers.map((resolve) => resolve(inputs, outputs));
      let at = 0;
      try {
        for (; at < runs.length; at++) runs[at](buffers);
      } catch (error) {
        for (const input of overwrittenInputs(plan, at + 1)) {
          backend.release(inputs[input], lostIn(error));
        }
        throw error;
      }
    },
  };
}

/** Finds the memory of one buffer of the plan for one run. */
type Resolver = (inputs: readonly Storage[], outputs: readonly Storage[]) => TypedArray;

function instantiate(kernel: Kernel): Run {
  if (kernel.kind === 'map') return map(kernel);
  if (kernel.kind === 'reduce') return reduce(kernel);
  const { operation, params } = kernel;
  if (operation.kind === 'kernel' && operation.kernels)
    return operation.kernels.cpu(kernel, params);
  const call: (kernel: CallKernel, params: never) => Run = kernelIn(calls, kernel, 'cpu');
  return call(kernel, params as never); // an operation and its attributes belong together
}

function viewArena(arena: ArrayBuffer, offset: number, dtype: DType, size: number): TypedArray {
  if (dtype === 'float32') return new Float32Array(arena, offset, size);
  if (dtype === 'int32') return new Int32Array(arena, offset, size);
  return new Uint8Array(arena, offset, size);
}
