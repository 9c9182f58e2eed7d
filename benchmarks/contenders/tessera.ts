// Tessera itself, every work one compiled function.

import { readFileSync } from 'node:fs';
import * as tessera from '@tessera/tensor';
import { gpuBackend } from '@tessera/tensor/gpu';
import { valueAndGrad, vjp } from '@tessera/autograd';
import { loadTensors, namedTensors } from '@tessera/autograd/nn';
import { adamw } from '@tessera/autograd/optim';
import { DiT } from '@tessera/dit';
import { ADAPTER } from '../compare/adapter.ts';
import { packageFolder } from '../compare/package-folder.ts';
import { settle } from '../settle.ts';
import { splitModelArrays, type Arrays, type NamedArray } from '../works/arrays.ts';
import { ADAMW, DENOISING, LATENT, MODELS, type ModelName } from '../works/dit.ts';
import type { ModelWork, OperationWork, Work } from '../works/works.ts';
import {
  CannotError,
  magnitude,
  type BackendName,
  type OpenContender,
  type Task,
} from './contender.ts';

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

const toTensor = ({ data, shape }: NamedArray, dtype: 'float32' | 'int32' = 'float32'): Tensor =>
  tessera.tensor(dtype === 'int32' ? Int32Array.from(data) : Float32Array.from(data), { shape });

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

function loadModel(name: ModelName, parameters: Arrays): DiT {
  const { width, depth, heads } = MODELS[name];
  const blank = DiT.blank({
    inputSize: LATENT.side,
    patchSize: LATENT.patch,
    inChannels: LATENT.channels,
    hiddenSize: width,
    depth,
    numHeads: heads,
    mlpRatio: 4,
    classDropoutProb: 0.1,
    numClasses: LATENT.labels - 1,
    learnSigma: false,
    design: 'adaln-zero',
    position: '2d',
  });
  const own = namedTensors(blank).map(([path, tensor]): readonly [string, Tensor] => [
    path,
    Object.hasOwn(parameters, path) ? toTensor(parameters[path]) : tensor,
  ]);
  return loadTensors(blank, new Map(own));
}

function stepTask({ model: name }: ModelWork, arrays: Arrays): Task {
  const { parameters, batch } = splitModelArrays(arrays);
  const { x, noise, t, y } = batch;
  const data = {
    x: toTensor(x),
    noise: toTensor(noise),
    t: toTensor(t, 'int32'),
    y: toTensor(y, 'int32'),
  };
  const { learningRate, ...options } = ADAMW;
  const optimizer = adamw(options);
  const start = loadModel(name, parameters);
  let state = { model: start, optimizer: optimizer.init(start) };
  type State = typeof state;
  const lossAndGrad = valueAndGrad((model: DiT, inputs: typeof data) =>
    model.forward(inputs.x, inputs.t, inputs.y).sub(inputs.noise).square().mean(),
  );
  const step = tessera.compile(
    (current: State, inputs: typeof data): readonly [State, Tensor] => {
      const { value, grads } = lossAndGrad(current.model, inputs);
      const updated = optimizer.update(grads, current.optimizer, current.model, { learningRate });
      return [{ model: updated.params, optimizer: updated.state }, value];
    },
    { donate: [0] },
  );
  const losses: number[] = [];
  return {
    run: async () => {
      const [next, loss] = step(state, data);
      state = next;
      losses.push(await loss.item());
    },
    check: () => losses.slice(0, 3),
  };
}

function denoiseTask({ model: name }: ModelWork, arrays: Arrays): Task {
  const { parameters, batch } = splitModelArrays(arrays);
  const model = loadModel(name, parameters);
  const x = toTensor(batch.x);
  const noise = toTensor(batch.noise);
  const y = toTensor(batch.y, 'int32');
  const step = tessera.compile((network: DiT, z: Tensor, t: Tensor): Tensor =>
    z
      .sub(network.forward(z, t, y).mul(DENOISING.remove))
      .mul(DENOISING.keep)
      .add(noise.mul(DENOISING.noise)),
  );
  const walk = (): Tensor => {
    let z = x;
    for (let i = 0; i < DENOISING.steps; i++) {
      const timestep = DENOISING.stride * (DENOISING.steps - 1 - i);
      z = step(model, z, tessera.tensor(new Int32Array(DENOISING.batch).fill(timestep)));
    }
    return z;
  };
  return {
    run: () => walk().data(),
    check: async () => [magnitude(await walk().data())],
  };
}
