// jax-js on its wasm backend, every work under `jit`.

import { splitModelArrays, type Arrays, type NamedArray } from '../works/arrays.ts';
import {
  ADAMW,
  DENOISING,
  LATENT,
  MODELS,
  oneHotLabels,
  positionTable,
  timestepFeatures,
  type ModelName,
} from '../works/dit.ts';
import type { ModelWork, OperationWork } from '../works/works.ts';
import { CannotError, importPeer, magnitude, type OpenContender, type Task } from './contender.ts';
import type { Jax, JaxArray, JaxArrays } from './jax-js-api.ts';
import { peerVersions } from './versions.ts';
import { installPageWorker } from './worker-shim.ts';

/** Opens jax-js; with one thread as it comes in Node, with more by a page's `Worker` made for it. */
export const openJaxJs: OpenContender = async ({ threads }) => {
  if (threads > 1) installPageWorker(threads);
  const jax = (await importPeer('@jax-js/jax')) as Jax;
  return {
    versions: peerVersions('@jax-js/jax'),
    prepare: (work, arrays) => {
      if (work.kind === 'peak') throw new CannotError('the peak is a loop of its own');
      if (work.kind === 'operation') return operationTask(jax, work, arrays);
      return work.kind === 'denoise' ? denoiseTask(jax, work, arrays) : stepTask(jax, work, arrays);
    },
  };
};

type Function = (...inputs: readonly JaxArray[]) => JaxArray;

function functionOf(jax: Jax, { operation, stride }: OperationWork): Function {
  const { numpy, nn, lax } = jax;
  const functions: Readonly<Record<OperationWork['operation'], Function>> = {
    matmul: (a, b) => numpy.matmul(a, b),
    matmulTransposed: (a, b) => numpy.matmul(numpy.transpose(a), b),
    attention: (q, k, v) => attend(jax, q, k, v),
    conv2d: (x, weight) =>
      lax.convGeneralDilated(
        x,
        weight,
        [stride, stride],
        [
          [1, 1],
          [1, 1],
        ],
      ),
    gelu: (x) => nn.gelu(x, { approximate: true }),
    geluErf: (x) => nn.gelu(x, { approximate: false }),
    layerNorm: (x) => nn.standardize(x, -1, { epsilon: 1e-6 }),
    softmax: (x) => nn.softmax(x, -1),
    sum: (x) => numpy.sum(x, 0),
    add: (a, b) => a.add(b),
  };
  return functions[operation];
}

function attend({ numpy, nn }: Jax, q: JaxArray, k: JaxArray, v: JaxArray): JaxArray {
  const scaled = q.mul(q.shape[q.shape.length - 1] ** -0.5);
  const logits = numpy.matmul(scaled, numpy.transpose(k, [0, 1, 3, 2]));
  return numpy.matmul(nn.softmax(logits, -1), v);
}

const toArray = ({ numpy }: Jax, { data, shape }: NamedArray): JaxArray =>
  numpy.array(Float32Array.from(data)).reshape(shape);

function operationTask(jax: Jax, work: OperationWork, arrays: Arrays): Task {
  const f = functionOf(jax, work);
  const { cotangent, ...rest } = arrays;
  const operands = Object.values(rest).map((array) => toArray(jax, array));
  const forward = jax.jit((...inputs: readonly JaxArray[]): readonly JaxArray[] => [f(...inputs)]);
  const both = jax.jit((seed: JaxArray, ...inputs: readonly JaxArray[]): readonly JaxArray[] => {
    const [value, pullback] = jax.vjp(f, inputs);
    const cotangents = pullback(seed);
    pullback.dispose();
    return [value, ...cotangents];
  });
  const seed = work.gradient ? toArray(jax, cotangent) : null;
  const compute = async (): Promise<readonly JaxArray[]> => {
    const inputs = operands.map(({ ref }) => ref);
    return jax.blockUntilReady(seed === null ? forward(...inputs) : both(seed.ref, ...inputs));
  };
  return {
    run: async () => {
      for (const result of await compute()) result.dispose();
    },
    check: async () => {
      const values: number[] = [];
      for (const result of await compute()) values.push(magnitude(await result.data()));
      return values;
    },
  };
}

/** Parameters with linear weights as [in, out], which is what `dot` takes. */
function loadParameters(jax: Jax, parameters: Arrays): JaxArrays {
  const { numpy } = jax;
  return Object.fromEntries(
    Object.entries(parameters).map(([name, array]) => {
      const isLinear = array.shape.length > 1 && !name.includes('table');
      const matrix = [array.shape[0], array.data.length / array.shape[0]];
      const loaded = toArray(jax, isLinear ? { shape: matrix, data: array.data } : array);
      // Doubling and halving makes the transpose a fresh array instead of a view.
      return [name, isLinear ? numpy.transpose(loaded).mul(2).mul(0.5) : loaded];
    }),
  );
}

/** The model: parameters, latents, features of timesteps and one-hot labels to predicted noise. */
function createModel(jax: Jax, name: ModelName) {
  const { numpy, nn } = jax;
  const { width, depth, heads } = MODELS[name];
  const { tokens, channels, side, patch } = LATENT;
  const grid = side / patch;
  const table = toArray(jax, { shape: [1, tokens, width], data: positionTable(width) });
  const linear = (x: JaxArray, p: JaxArrays, layer: string): JaxArray =>
    numpy.dot(x, p[`${layer}.weight`]).add(p[`${layer}.bias`]);
  const modulate = (x: JaxArray, shift: JaxArray, scale: JaxArray): JaxArray =>
    nn.standardize(x, -1, { epsilon: 1e-6 }).mul(scale.add(1)).add(shift);
  return (p: JaxArrays, x: JaxArray, features: JaxArray, labels: JaxArray): JaxArray => {
    const batch = x.shape[0];
    const patches = numpy
      .transpose(x.reshape([batch, channels, grid, patch, grid, patch]), [0, 2, 4, 1, 3, 5])
      .reshape([batch, tokens, channels * patch * patch]);
    let h = linear(patches, p, 'x_embedder.proj').add(table.ref);
    const time = linear(nn.silu(linear(features, p, 't_embedder.mlp.0')), p, 't_embedder.mlp.2');
    const label = numpy.matmul(labels, p['y_embedder.embedding_table.weight']);
    const condition = nn.silu(time.add(label));
    const chunks = (layer: string, count: number): readonly JaxArray[] =>
      numpy.split(linear(condition.ref, p, layer).reshape([batch, 1, count * width]), count, -1);
    for (let i = 0; i < depth; i++) {
      const block = `blocks.${i}`;
      const [shift1, scale1, gate1, shift2, scale2, gate2] = chunks(
        `${block}.adaLN_modulation.1`,
        6,
      );
      const qkv = linear(modulate(h.ref, shift1, scale1), p, `${block}.attn.qkv`);
      const [q, k, v] = numpy
        .split(
          numpy.transpose(qkv.reshape([batch, tokens, 3, heads, width / heads]), [2, 0, 3, 1, 4]),
          3,
          0,
        )
        .map((part) => part.reshape([batch, heads, tokens, width / heads]));
      const attended = numpy
        .transpose(attend(jax, q, k, v), [0, 2, 1, 3])
        .reshape([batch, tokens, width]);
      h = h.add(gate1.mul(linear(attended, p, `${block}.attn.proj`)));
      const hidden = linear(modulate(h.ref, shift2, scale2), p, `${block}.mlp.fc1`);
      const activated = nn.gelu(hidden, { approximate: true });
      h = h.add(gate2.mul(linear(activated, p, `${block}.mlp.fc2`)));
    }
    const [shift, scale] = chunks('final_layer.adaLN_modulation.1', 2);
    condition.dispose();
    const decoded = linear(modulate(h, shift, scale), p, 'final_layer.linear');
    return numpy
      .transpose(decoded.reshape([batch, grid, grid, patch, patch, channels]), [0, 5, 1, 3, 2, 4])
      .reshape([batch, channels, side, side]);
  };
}

function stepTask(jax: Jax, { model: name, batch: size }: ModelWork, arrays: Arrays): Task {
  const { numpy, tree } = jax;
  const { parameters, batch } = splitModelArrays(arrays);
  const model = createModel(jax, name);
  const { learningRate, betas, eps, weightDecay } = ADAMW;
  const lossAndGrad = jax.valueAndGrad(
    (p: JaxArrays, x: JaxArray, features: JaxArray, labels: JaxArray, noise: JaxArray) =>
      numpy.mean(numpy.square(model(p, x, features, labels).sub(noise))),
  );
  interface State {
    readonly p: JaxArrays;
    readonly m: JaxArrays;
    readonly v: JaxArrays;
  }
  const step = jax.jit(
    (
      { p, m, v }: State,
      corrections: JaxArray,
      ...data: readonly [JaxArray, JaxArray, JaxArray, JaxArray]
    ): readonly [State, JaxArray] => {
      const [loss, grads] = lossAndGrad(tree.ref(p), ...data);
      const next: Record<'p' | 'm' | 'v', Record<string, JaxArray>> = { p: {}, m: {}, v: {} };
      const [first, second] = [corrections.ref.slice(0), corrections.slice(1)];
      for (const key of Object.keys(p)) {
        const gradient = grads[key];
        const mean = m[key].mul(betas[0]).add(gradient.ref.mul(1 - betas[0]));
        const variance = v[key].mul(betas[1]).add(numpy.square(gradient).mul(1 - betas[1]));
        const root = numpy.sqrt(variance.ref.div(second.ref)).add(eps);
        const change = mean.ref.div(first.ref).mul(learningRate).div(root);
        next.p[key] = p[key].mul(1 - learningRate * weightDecay).sub(change);
        next.m[key] = mean;
        next.v[key] = variance;
      }
      first.dispose();
      second.dispose();
      return [next, loss];
    },
  );
  const zerosLike = (p: JaxArrays): JaxArrays =>
    Object.fromEntries(Object.entries(p).map(([key, x]) => [key, numpy.zerosLike(x.ref)]));
  const start = loadParameters(jax, parameters);
  let state: State = { p: start, m: zerosLike(start), v: zerosLike(start) };
  const x = toArray(jax, batch.x);
  const noise = toArray(jax, batch.noise);
  const features = toArray(jax, {
    shape: [size, LATENT.time],
    data: timestepFeatures(batch.t.data),
  });
  const labels = toArray(jax, { shape: [size, LATENT.labels], data: oneHotLabels(batch.y.data) });
  const losses: number[] = [];
  return {
    run: async () => {
      const count = losses.length + 1;
      const corrections = numpy.array(betas.map((beta) => 1 - beta ** count));
      const [next, loss] = step(state, corrections, x.ref, features.ref, labels.ref, noise.ref);
      state = next;
      losses.push((await loss.data())[0]);
      await jax.blockUntilReady(state.p);
    },
    check: () => losses.slice(0, 3),
  };
}

function denoiseTask(jax: Jax, { model: name, batch: size }: ModelWork, arrays: Arrays): Task {
  const { parameters, batch } = splitModelArrays(arrays);
  const model = createModel(jax, name);
  const p = loadParameters(jax, parameters);
  const { keep, remove, noise: share, steps, stride } = DENOISING;
  const step = jax.jit(
    (all: JaxArrays, z: JaxArray, features: JaxArray, labels: JaxArray, noise: JaxArray) =>
      z.ref
        .sub(model(all, z, features, labels).mul(remove))
        .mul(keep)
        .add(noise.mul(share)),
  );
  const x = toArray(jax, batch.x);
  const noise = toArray(jax, batch.noise);
  const labels = toArray(jax, { shape: [size, LATENT.labels], data: oneHotLabels(batch.y.data) });
  const walk = async (): Promise<Float32Array> => {
    let z = x.ref;
    for (let i = 0; i < steps; i++) {
      const timesteps = new Float32Array(size).fill(stride * (steps - 1 - i));
      const data = timestepFeatures(timesteps);
      const features = toArray(jax, { shape: [size, LATENT.time], data });
      z = step(jax.tree.ref(p), z, features, labels.ref, noise.ref);
      await jax.blockUntilReady(z);
    }
    return z.data();
  };
  return { run: walk, check: async () => [magnitude(await walk())] };
}
