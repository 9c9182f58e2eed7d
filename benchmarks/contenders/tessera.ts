// Tessera itself, every work one compiled function.

import { readFileSync } from 'node:fs';
import * as tessera from '@tessera/tensor';
import { gpuBackend } from '@tessera/tensor/gpu';
import { vjp } from '@tessera/autograd';
import { ADAPTER } from '../compare/adapter.ts';
import { packageFolder } from '../compare/package-folder.ts';
import { settle } from '../settle.ts';
import type { Arrays } from '../works/arrays.ts';
import type { OperationWork, Work } from '../works/works.ts';
import {
  CannotError,
  magnitude,
  type BackendName,
  type OpenContender,
  type Task,
} from './contender.ts';
import { denoiseTask, stepTask, toTensor } from './tessera-model.ts';

type Tensor = tessera.Tensor;
type Function = (...inputs: readonly Tensor[]) => Tensor;

/** Opens Tessera on one of its backends. */
export const openTessera: OpenContender = ({ threads, backend }) => {
  const opened = openBackend(backend, threads);
  tessera.setDefaultBackend(opened);
  const form = `${backend}${isWide(opened) ? ', wide' : ''}`;
  return Promise.resolve({ versions: { tessera: `${version()} (${form})` }, prepare });
};

/** Opens Tessera on the GPU that there is, or what gpu.js has instead of one. */
export const openTesseraGpu: OpenContender = async () => {
  const backend = await gpuBackend();
  const { mode, executor, adapter } = backend.device;
  tessera.setDefaultBackend(backend);
  const name = `${version()} (${mode}, executor ${executor})`;
  return { versions: { 'tessera-gpu': name, [ADAPTER]: adapter }, prepare };
};

function version(): string {
  const manifest = readFileSync(new URL('../package.json', packageFolder()), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}

function prepare(work: Work, arrays: Arrays): Task {
  if (work.kind === 'peak') throw new CannotError('the peak is a loop of its own');
  if (work.kind === 'operation') return operationTask(work, arrays);
  return work.kind === 'denoise' ? denoiseTask(work, arrays) : stepTask(work, arrays);
}

/** The backend of that name with so many threads. */
function openBackend(name: BackendName, threads: number): tessera.Backend {
  if (name === 'wasm') return tessera.wasmBackend({ threads });
  if (threads > 1) throw new CannotError('the cpu backend has one thread');
  return tessera.cpuBackend();
}

/** Whether the kernels of a backend are written for 256-bit vectors. */
function isWide(backend: tessera.Backend): boolean {
  return 'wide' in backend && backend.wide === true;
}

/** The operation as a function of its operands. */
function functionOf({ operation, stride }: OperationWork): Function {
  const functions: Readonly<Record<OperationWork['operation'], Function>> = {
    matmul: (a, b) => a.matmul(b),
    matmulTransposed: (a, b) => a.transpose().matmul(b),
    attention: (q, k, v) => tessera.attention(q, k, v),
    conv2d: (x, weight) => tessera.conv2d(x, weight, { stride, padding: 1 }),
    gelu: (x) => tessera.gelu(x),
    geluErf: (x) => tessera.geluErf(x),
    layerNorm: (x) => tessera.layerNorm(x, { eps: 1e-6 }),
    softmax: (x) => tessera.softmax(x),
    sum: (x) => x.sum(0),
    add: (a, b) => a.add(b),
  };
  return functions[operation];
}

function operationTask(work: OperationWork, arrays: Arrays): Task {
  const f = functionOf(work);
  const { cotangent, ...rest } = arrays;
  const operands = Object.values(rest).map((array) => toTensor(array));
  const forward = tessera.compile((...inputs: readonly Tensor[]) => [f(...inputs)]);
  const both = tessera.compile((seed: Tensor, ...inputs: readonly Tensor[]) => {
    const { value, pullback } = vjp(f, ...inputs);
    return [value, ...pullback(seed)];
  });
  const compute = work.gradient
    ? (
        (seed) => () =>
          both(seed, ...operands)
      )(toTensor(cotangent))
    : () => forward(...operands);
  return {
    run: async () => {
      const results = compute();
      await settle(results[0]);
      // As other engines do by counting references, so that the next run finds the memory again.
      for (const result of results) result[Symbol.dispose]();
    },
    check: () => Promise.all(compute().map(async (x) => magnitude(await x.data()))),
  };
}
