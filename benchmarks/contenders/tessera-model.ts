// Tessera's Diffusion Transformer, trained and denoising, in Node and in pages.

import * as tessera from '@tessera/tensor';
import { valueAndGrad } from '@tessera/autograd';
import { loadTensors, namedTensors } from '@tessera/autograd/nn';
import { adamw } from '@tessera/autograd/optim';
import { DiT } from '@tessera/dit';
import { splitModelArrays, type Arrays, type NamedArray } from '../works/arrays.ts';
import { ADAMW, DENOISING, LATENT, MODELS, type ModelName } from '../works/dit.ts';
import type { ModelWork } from '../works/works.ts';
import { magnitude, type Task } from './contender.ts';

type Tensor = tessera.Tensor;

/** A tensor on the default backend, of an array's numbers. */
export const toTensor = (
  { data, shape }: NamedArray,
  dtype: 'float32' | 'int32' = 'float32',
): Tensor =>
  tessera.tensor(dtype === 'int32' ? Int32Array.from(data) : Float32Array.from(data), { shape });

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

/** A whole training step: forward, mean squared error, backward, AdamW. */
export function stepTask({ model: name }: ModelWork, arrays: Arrays): Task {
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

/** Steps of denoising. */
export function denoiseTask({ model: name }: ModelWork, arrays: Arrays): Task {
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
