// Runs every operation at once, as a plan of one instruction; its compiled kernel is kept for next time.

import type { Backend, Executable, Storage } from './backends/backend.ts';
import type { InputWindow } from './compile/fuse/fuse.ts';
import { planProgram } from './compile/pipeline.ts';
import type { Program, Variable } from './compile/program.ts';
import type { Operation } from './composites/composite.ts';
import { defaultBackend } from './backends/default-backend.ts';
import { allocateArray, roundTo, type DType } from './array/dtype.ts';
import { StateError } from './errors.ts';
import { installEvaluator, type Interpreter } from './interpreter.ts';
import { numberOf } from './methods/read.ts';
import {
  formatNumber,
  formatParams,
  type Params,
  type TensorSpec,
} from './primitives/primitive.ts';
import { scalarOf } from './primitives/pointwise.ts';
import { sizeOf } from './array/shape.ts';
import { Tensor } from './tensor.ts';
import { contiguousView, isContiguous, type View } from './array/view.ts';

/** The outermost interpreter: runs each operation at once, as a plan of one instruction. */
export const evaluator: Interpreter = { name: 'evaluate', apply: evaluate };

installEvaluator(evaluator);

/** Most cached plans. A plan and its code take about 45 KB, and ever new shapes must not fill the memory. */
const CACHE_LIMIT = 2048;

const executables = new WeakMap<Backend, Map<string, Executable>>();
const scalars = new WeakMap<Backend, Map<string, Storage>>();

/** Row-major storage on `backend` of exactly the tensor's elements: its own storage, or a copy. */
export function contiguousStorage(tensor: Tensor, backend: Backend): Storage {
  const window = windowOn(tensor, backend);
  if (
    window.storage.size === tensor.size &&
    window.view.offset === 0 &&
    isContiguous(window.view)
  ) {
    return window.storage;
  }
  return copyOf(tensor, window, backend);
}

/** Like {@link contiguousStorage}, but always new storage that no other tensor holds. */
export function ownStorage(tensor: Tensor, backend: Backend): Storage {
  return copyOf(tensor, windowOn(tensor, backend), backend);
}

function evaluate(
  operation: Operation,
  inputs: readonly Tensor[],
  params: Params,
): readonly Tensor[] {
  const specs = operation.infer(inputs, params);
  const [spec] = specs;
  if (operation.kind === 'literal')
    return [uniformTensor(spec, roundTo(spec.dtype, Number(params['value'])))];
  if (operation.kind === 'movement') {
    const { value } = inputs[0];
    // The value is shared, so that a view also sees when it is given up.
    if (value.kind === 'uniform' && value.loss === undefined) return [new Tensor(spec, value)];
    const view = value.kind === 'stored' ? operation.view(value.view, params) : null;
    if (value.kind === 'stored' && view !== null) return [new Tensor(spec, { ...value, view })];
  }
  const numbers = inputs.map(({ value }) =>
    value.kind === 'uniform' ? numberOf(operation.name, value) : null,
  );
  if (operation.kind === 'pointwise' && numbers.every((value) => value !== null)) {
    const { dtype } = spec;
    return [uniformTensor(spec, scalarOf(operation, numbers, dtype))];
  }
  const backend = commonBackend(operation.name, inputs);
  if (operation.kind === 'composite' && !backend.composites.has(operation.name)) {
    return operation.decompose(inputs, params);
  }
  const windows = inputs.map((input) => windowOn(input, backend));
  const signature = `${operation.name} ${formatParams(params)} ${windows.map(windowSignature).join(' ')}`;
  const executable = cached(
    backend,
    signature,
    () => {
      const variables = inputs.map(({ shape, dtype }, id): Variable => ({ id, shape, dtype }));
      const outputs = specs.map(({ shape, dtype }, i): Variable => ({
        id: inputs.length + i,
        shape,
        dtype,
      }));
      return {
        inputs: variables,
        constants: [],
        instructions: [{ operation, inputs: variables, params, outputs }],
        outputs,
      };
    },
    windows,
  );
  const outputs = specs.map(({ shape, dtype }) =>
    backend.allocate(dtype, sizeOf(shape), operation.name),
  );
  executable.run(
    windows.map(({ storage }) => storage),
    outputs,
  );
  return specs.map((each, i) => storedTensor(each, outputs[i]));
}

/** A tensor over row-major storage of its own. */
export function storedTensor(spec: TensorSpec, storage: Storage): Tensor {
  return new Tensor(spec, { kind: 'stored', storage, view: contiguousView(spec.shape) });
}

function uniformTensor(spec: TensorSpec, value: number): Tensor {
  return new Tensor(spec, { kind: 'uniform', value });
}

/** The backend of all `inputs`; numbers without storage fit any backend. */
export function commonBackend(op: string, inputs: readonly Tensor[]): Backend {
  let common: Backend | undefined;
  for (const { value } of inputs) {
    if (value.kind !== 'stored') continue;
    const { backend } = value.storage;
    common ??= backend;
    if (common !== backend) {
      throw new StateError(
        op,
        `operands lie on two backends, ${common.name} and ${backend.name}. Call setDefaultBackend once, before making tensors.`,
      );
    }
  }
  return common ?? defaultBackend();
}

interface Window extends InputWindow {
  readonly storage: Storage;
  readonly dtype: DType;
}

function windowOn({ shape, dtype, value }: Tensor, backend: Backend): Window {
  if (value.kind === 'traced') {
    throw new StateError(
      'evaluate',
      'a tensor from inside a compiled function was used after tracing. Return it from that function instead.',
    );
  }
  if (value.kind === 'stored') {
    const { storage, view } = value;
    return { storage, view, size: storage.size, dtype };
  }
  const view: View = { shape, strides: shape.map(() => 0), offset: 0 };
  const number = numberOf('compile', value);
  return { storage: scalarStorage(backend, dtype, number), view, size: 1, dtype };
}

/** Storage of single numbers that is kept for the next operation with them. Its number is limited. */
export function keptNumbers(backend: Backend): Iterable<Storage> {
  return mapOf(scalars, backend).values();
}

function scalarStorage(backend: Backend, dtype: DType, value: number): Storage {
  const known = mapOf(scalars, backend);
  const key = `${dtype} ${formatNumber(value)}`;
  let storage = known.get(key);
  if (storage === undefined) {
    const cell = allocateArray(dtype, 1);
    cell[0] = value;
    storage = backend.store(cell, dtype);
    remember(known, key, storage);
  }
  return storage;
}

function copyOf({ shape, dtype }: Tensor, window: Window, backend: Backend): Storage {
  const executable = cached(
    backend,
    `copy ${windowSignature(window)}`,
    () => {
      const variable = { id: 0, shape, dtype };
      return { inputs: [variable], constants: [], instructions: [], outputs: [variable] };
    },
    [window],
  );
  const storage = backend.allocate(dtype, sizeOf(shape), 'copy');
  executable.run([window.storage], [storage]);
  return storage;
}

function cached(
  backend: Backend,
  signature: string,
  program: () => Program,
  windows: readonly Window[],
): Executable {
  const known = mapOf(executables, backend);
  let executable = known.get(signature);
  if (executable === undefined) {
    executable = backend.prepare(planProgram(program(), [], windows), []);
    remember(known, signature, executable)?.release?.();
  }
  return executable;
}

function windowSignature({ view, size, dtype }: Window): string {
  return `${dtype} ${view.shape.join()}/${view.strides.join()}/${view.offset}/${size}`;
}

function mapOf<V>(maps: WeakMap<Backend, Map<string, V>>, backend: Backend): Map<string, V> {
  let map = maps.get(backend);
  if (map === undefined) {
    map = new Map();
    maps.set(backend, map);
  }
  return map;
}

/** Adds an entry. If the map is full, drops its oldest entry and returns it. */
export function remember<V>(
  map: Map<string, V>,
  key: string,
  value: V,
  limit: number = CACHE_LIMIT,
): V | undefined {
  map.set(key, value);
  if (map.size <= limit) return undefined;
  const [[oldest, dropped]] = map;
  map.delete(oldest);
  return dropped;
}
