// The Diffusion Transformer in tfjs, in the form that its wasm backend does fastest.

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
import type { ModelWork } from '../works/works.ts';
import { magnitude, type Task } from './contender.ts';
import type { Tf, TfParameters, TfTensor, TfVariable } from './tfjs-api.ts';

/** Scaled dot-product attention in its plain form. */
export function attend(tf: Tf, q: TfTensor, k: TfTensor, v: TfTensor): TfTensor {
  const scaled = q.mul(q.shape[q.shape.length - 1] ** -0.5);
  return tf.matMul(tf.softmax(tf.matMul(scaled, k, false, true), -1), v);
}

/** GELU in its tanh form. */
export function geluTanh(x: TfTensor): TfTensor {
  const inner = x.add(x.mul(x).mul(x).mul(0.044715)).mul(Math.sqrt(2 / Math.PI));
  return x.mul(inner.tanh().add(1)).mul(0.5);
}

/** Rows with mean 0 and variance 1. */
export function standardize(x: TfTensor): TfTensor {
  const centered = x.sub(x.mean(-1, true));
  return centered.mul(centered.square().mean(-1, true).add(1e-6).rsqrt());
}

const toTensor = (tf: Tf, { data, shape }: NamedArray): TfTensor =>
  tf.tensor(Float32Array.from(data), shape);

/** Parameters with linear weights as [in, out]. */
function loadParameters(tf: Tf, parameters: Arrays): Readonly<Record<string, TfVariable>> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, array]) => {
      const isLinear = array.shape.length > 1 && !name.includes('table');
      const matrix = [array.shape[0], array.data.length / array.shape[0]];
      const loaded = tf.tidy(() =>
        isLinear
          ? tf.transpose(toTensor(tf, { shape: matrix, data: array.data }))
          : toTensor(tf, array),
      );
      return [name, tf.variable(loaded, true, name)];
    }),
  );
}

/** The model: latents, features of timesteps and one-hot labels to predicted noise. */
function createModel(tf: Tf, name: ModelName, p: TfParameters) {
  const { width, depth, heads } = MODELS[name];
  const { tokens, channels, side, patch } = LATENT;
  const grid = side / patch;
  const table = toTensor(tf, { shape: [1, tokens, width], data: positionTable(width) });
  const silu = (x: TfTensor): TfTensor => x.mul(x.sigmoid());
  // Its kernel for transposed operands is slow, and its own gradient emits exactly those.
  const product = tf.customGrad((x, w, save) => {
    save([x, w]);
    return {
      value: tf.matMul(x, w),
      gradFunc: (dy, [a, b]) => [tf.matMul(dy, tf.transpose(b)), tf.matMul(tf.transpose(a), dy)],
    };
  });
  const linear = (x: TfTensor, layer: string): TfTensor => {
    const weight = p[`${layer}.weight`];
    const rows = x.reshape([-1, x.shape[x.shape.length - 1]]);
    const y = product(rows, weight).add(p[`${layer}.bias`]);
    return y.reshape([...x.shape.slice(0, -1), weight.shape[1]]);
  };
  const modulate = (x: TfTensor, shift: TfTensor, scale: TfTensor): TfTensor =>
    standardize(x).mul(scale.add(1)).add(shift);
  return (x: TfTensor, features: TfTensor, labels: TfTensor): TfTensor => {
    const [batch] = x.shape;
    const patches = tf
      .transpose(x.reshape([batch, channels, grid, patch, grid, patch]), [0, 2, 4, 1, 3, 5])
      .reshape([batch, tokens, channels * patch * patch]);
    let h = linear(patches, 'x_embedder.proj').add(table);
    const time = linear(silu(linear(features, 't_embedder.mlp.0')), 't_embedder.mlp.2');
    const condition = silu(time.add(tf.matMul(labels, p['y_embedder.embedding_table.weight'])));
    const chunks = (layer: string, count: number): TfTensor[] =>
      tf.split(linear(condition, layer).reshape([batch, 1, count * width]), count, -1);
    for (let i = 0; i < depth; i++) {
      const block = `blocks.${i}`;
      const [shift1, scale1, gate1, shift2, scale2, gate2] = chunks(
        `${block}.adaLN_modulation.1`,
        6,
      );
      const qkv = linear(modulate(h, shift1, scale1), `${block}.attn.qkv`);
      const [q, k, v] = tf
        .split(
          tf.transpose(qkv.reshape([batch, tokens, 3, heads, width / heads]), [2, 0, 3, 1, 4]),
          3,
          0,
        )
        .map((part) => part.reshape([batch, heads, tokens, width / heads]));
      const attended = tf
        .transpose(attend(tf, q, k, v), [0, 2, 1, 3])
        .reshape([batch, tokens, width]);
      h = h.add(gate1.mul(linear(attended, `${block}.attn.proj`)));
      const hidden = geluTanh(linear(modulate(h, shift2, scale2), `${block}.mlp.fc1`));
      h = h.add(gate2.mul(linear(hidden, `${block}.mlp.fc2`)));
    }
    const [shift, scale] = chunks('final_layer.adaLN_modulation.1', 2);
    const decoded = linear(modulate(h, shift, scale), 'final_layer.linear');
    const pixels = decoded.reshape([batch, grid, grid, patch, patch, channels]);
    return tf.transpose(pixels, [0, 5, 1, 3, 2, 4]).reshape([batch, channels, side, side]);
  };
}

/** One training step; decoupled weight decay is applied before Adam. */
export function stepTask(tf: Tf, { model: name, batch: size }: ModelWork, arrays: Arrays): Task {
  const { parameters, batch } = splitModelArrays(arrays);
  const variables = loadParameters(tf, parameters);
  const model = createModel(tf, name, variables);
  const x = toTensor(tf, batch.x);
  const noise = toTensor(tf, batch.noise);
  const features = toTensor(tf, {
    shape: [size, LATENT.time],
    data: timestepFeatures(batch.t.data),
  });
  const labels = toTensor(tf, { shape: [size, LATENT.labels], data: oneHotLabels(batch.y.data) });
  const { learningRate, betas, eps, weightDecay } = ADAMW;
  const optimizer = tf.train.adam(learningRate, betas[0], betas[1], eps);
  const decay = 1 - learningRate * weightDecay;
  const losses: number[] = [];
  return {
    run: () => {
      const { value, grads } = tf.variableGrads(() =>
        model(x, features, labels).sub(noise).square().mean(),
      );
      losses.push(value.dataSync()[0]);
      tf.tidy(() => {
        for (const variable of Object.values(variables)) variable.assign(variable.mul(decay));
      });
      optimizer.applyGradients(grads);
      tf.dispose(grads);
      value.dispose();
    },
    check: () => losses.slice(0, 3),
  };
}

/** 50 denoising steps. */
export function denoiseTask(tf: Tf, { model: name, batch: size }: ModelWork, arrays: Arrays): Task {
  const { parameters, batch } = splitModelArrays(arrays);
  const model = createModel(tf, name, loadParameters(tf, parameters));
  const x = toTensor(tf, batch.x);
  const noise = toTensor(tf, batch.noise);
  const labels = toTensor(tf, { shape: [size, LATENT.labels], data: oneHotLabels(batch.y.data) });
  const { keep, remove, noise: share, steps, stride } = DENOISING;
  const walk = (): Float32Array => {
    let z = x.clone();
    for (let i = 0; i < steps; i++) {
      const timesteps = new Float32Array(size).fill(stride * (steps - 1 - i));
      const next = tf.tidy(() => {
        const data = timestepFeatures(timesteps);
        const features = toTensor(tf, { shape: [size, LATENT.time], data });
        const predicted = model(z, features, labels);
        return z.sub(predicted.mul(remove)).mul(keep).add(noise.mul(share));
      });
      z.dispose();
      z = next;
    }
    const data = z.dataSync();
    z.dispose();
    return data;
  };
  return { run: walk, check: () => [magnitude(walk())] };
}
