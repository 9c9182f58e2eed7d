// One denoising step of the Diffusion Transformer as an ONNX model.

import type { Arrays } from '../works/arrays.ts';
import { DENOISING, LATENT, MODELS, positionTable, type ModelName } from '../works/dit.ts';
import { buildGraph, type GraphBuilder } from './onnx-model.ts';

const number = (graph: GraphBuilder, value: number): string =>
  graph.constant({ shape: [], data: Float32Array.of(value) });

/** Adds scaled dot-product attention of [B, N, T, E] in its plain form. */
export function addAttention(
  graph: GraphBuilder,
  q: string,
  k: string,
  v: string,
  width: number,
): string {
  const keys = graph.node('Transpose', [k], { perm: [0, 1, 3, 2] });
  const scaled = graph.node('Mul', [q, number(graph, width ** -0.5)]);
  const weights = graph.node('Softmax', [graph.node('MatMul', [scaled, keys])]);
  return graph.node('MatMul', [weights, v]);
}

/** `[out, in]` as `[in, out]`, which is what MatMul takes. */
function transposed(data: Float32Array, rows: number): Float32Array {
  const columns = data.length / rows;
  const result = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) result[j * rows + i] = data[i * columns + j];
  }
  return result;
}

/**
 * The model with inputs `z`, `features` of the timesteps, one-hot `labels` and `noise`; its result is
 * the next z.
 */
export function denoisingModel(name: ModelName, batch: number, parameters: Arrays): Uint8Array {
  const { width, depth, heads } = MODELS[name];
  const { tokens, channels, side, patch } = LATENT;
  const grid = side / patch;
  const graph = buildGraph();
  const node = graph.node;
  const reshape = (x: string, shape: readonly number[]): string =>
    node('Reshape', [x, graph.integers(shape)]);
  const transpose = (x: string, perm: readonly number[]): string =>
    node('Transpose', [x], { perm });
  const split = (x: string, parts: number, axis: number): readonly string[] =>
    graph.nodes('Split', [x], parts, { axis, num_outputs: parts });
  const silu = (x: string): string => node('Mul', [x, node('Sigmoid', [x])]);
  const linear = (x: string, layer: string): string => {
    const { data, shape } = parameters[`${layer}.weight`];
    const weight = { data: transposed(data, shape[0]), shape: [data.length / shape[0], shape[0]] };
    const product = node('MatMul', [x, graph.constant(weight)]);
    return node('Add', [product, graph.constant(parameters[`${layer}.bias`])]);
  };
  const ones = graph.constant({ shape: [width], data: new Float32Array(width).fill(1) });
  const one = number(graph, 1);
  const modulate = (x: string, shift: string, scale: string): string => {
    const normal = node('LayerNormalization', [x, ones], { epsilon: { float: 1e-6 } });
    return node('Add', [node('Mul', [normal, node('Add', [scale, one])]), shift]);
  };

  const z = graph.input('z', [batch, channels, side, side]);
  const features = graph.input('features', [batch, LATENT.time]);
  const labels = graph.input('labels', [batch, LATENT.labels]);
  const noise = graph.input('noise', [batch, channels, side, side]);

  const squares = reshape(z, [batch, channels, grid, patch, grid, patch]);
  const patches = reshape(transpose(squares, [0, 2, 4, 1, 3, 5]), [
    batch,
    tokens,
    channels * patch ** 2,
  ]);
  const positions = graph.constant({ shape: [1, tokens, width], data: positionTable(width) });
  let h = node('Add', [linear(patches, 'x_embedder.proj'), positions]);
  const time = linear(silu(linear(features, 't_embedder.mlp.0')), 't_embedder.mlp.2');
  const table = graph.constant(parameters['y_embedder.embedding_table.weight']);
  const condition = silu(node('Add', [time, node('MatMul', [labels, table])]));
  const chunks = (layer: string, count: number): readonly string[] =>
    split(reshape(linear(condition, layer), [batch, 1, count * width]), count, 2);
  for (let i = 0; i < depth; i++) {
    const block = `blocks.${i}`;
    const [shift1, scale1, gate1, shift2, scale2, gate2] = chunks(`${block}.adaLN_modulation.1`, 6);
    const qkv = linear(modulate(h, shift1, scale1), `${block}.attn.qkv`);
    const byHead = reshape(qkv, [batch, tokens, 3, heads, width / heads]);
    const [q, k, v] = split(transpose(byHead, [2, 0, 3, 1, 4]), 3, 0).map((part) =>
      reshape(part, [batch, heads, tokens, width / heads]),
    );
    const attended = addAttention(graph, q, k, v, width / heads);
    const merged = reshape(transpose(attended, [0, 2, 1, 3]), [batch, tokens, width]);
    h = node('Add', [h, node('Mul', [gate1, linear(merged, `${block}.attn.proj`)])]);
    const hidden = node('Gelu', [linear(modulate(h, shift2, scale2), `${block}.mlp.fc1`)], {
      approximate: 'tanh',
    });
    h = node('Add', [h, node('Mul', [gate2, linear(hidden, `${block}.mlp.fc2`)])]);
  }
  const [shift, scale] = chunks('final_layer.adaLN_modulation.1', 2);
  const decoded = linear(modulate(h, shift, scale), 'final_layer.linear');
  const pixels = reshape(decoded, [batch, grid, grid, patch, patch, channels]);
  const predicted = reshape(transpose(pixels, [0, 5, 1, 3, 2, 4]), [batch, channels, side, side]);

  const removed = node('Mul', [predicted, number(graph, DENOISING.remove)]);
  const kept = node('Mul', [node('Sub', [z, removed]), number(graph, DENOISING.keep)]);
  const added = node('Mul', [noise, number(graph, DENOISING.noise)]);
  return graph.finish(node('Add', [kept, added]));
}
