// onnxruntime-node on the CPU, for forward work.

import { splitModelArrays, type Arrays, type NamedArray } from '../works/arrays.ts';
import { DENOISING, LATENT, oneHotLabels, timestepFeatures } from '../works/dit.ts';
import type { ModelWork, OperationWork } from '../works/works.ts';
import { CannotError, importPeer, magnitude, type OpenContender, type Task } from './contender.ts';
import { buildGraph, type GraphBuilder } from './onnx-model.ts';
import { addAttention, denoisingModel } from './onnx-dit.ts';
import { peerVersions } from './versions.ts';

/** The sliver of the package that is used. */
interface Onnxruntime {
  readonly Tensor: new (type: 'float32', data: Float32Array, shape: readonly number[]) => OrtTensor;
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: {
        readonly intraOpNumThreads: number;
        readonly interOpNumThreads: number;
        readonly executionProviders: readonly string[];
      },
    ): Promise<Session>;
  };
}

interface OrtTensor {
  readonly data: Float32Array;
}

interface Session {
  run(feeds: Readonly<Record<string, OrtTensor>>): Promise<{ readonly result: OrtTensor }>;
}

/** Opens onnxruntime. */
export const openOnnxruntime: OpenContender = async ({ threads }) => {
  const ort = ((await importPeer('onnxruntime-node')) as { readonly default: Onnxruntime }).default;
  const load: Load = (model) =>
    ort.InferenceSession.create(model, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionProviders: ['cpu'],
    });
  return {
    versions: peerVersions('onnxruntime-node'),
    prepare: (work, arrays) => {
      if (work.kind === 'peak') throw new CannotError('the peak is a loop of its own');
      if (work.kind === 'denoise') return denoiseTask(ort, load, work, arrays);
      if (work.kind === 'operation' && !work.gradient) {
        return operationTask(ort, load, work, arrays);
      }
      throw new CannotError('it runs forward only');
    },
  };
};

type Load = (model: Uint8Array) => Promise<Session>;

const toTensor = (ort: Onnxruntime, { data, shape }: NamedArray): OrtTensor =>
  new ort.Tensor('float32', Float32Array.from(data), shape);

type AddOperation = (graph: GraphBuilder, inputs: readonly string[]) => string;

/** The operation as nodes of a graph. */
function nodesOf({ operation, stride, inputs: shapes }: OperationWork): AddOperation {
  const nodes: Readonly<Record<OperationWork['operation'], AddOperation>> = {
    matmul: (graph, inputs) => graph.node('MatMul', inputs),
    matmulTransposed: (graph, inputs) => graph.node('Gemm', inputs, { transA: 1 }),
    attention: (graph, [q, k, v]) => addAttention(graph, q, k, v, shapes.q[3]),
    conv2d: (graph, inputs) =>
      graph.node('Conv', inputs, { strides: [stride, stride], pads: [1, 1, 1, 1] }),
    gelu: (graph, inputs) => graph.node('Gelu', inputs, { approximate: 'tanh' }),
    geluErf: (graph, inputs) => graph.node('Gelu', inputs),
    layerNorm: (graph, [x]) => {
      const width = shapes.x[1];
      const scale = graph.constant({ shape: [width], data: new Float32Array(width).fill(1) });
      return graph.node('LayerNormalization', [x, scale], { epsilon: { float: 1e-6 } });
    },
    softmax: (graph, inputs) => graph.node('Softmax', inputs),
    sum: (graph, [x]) => graph.node('ReduceSum', [x, graph.integers([0])], { keepdims: 0 }),
    add: (graph, inputs) => graph.node('Add', inputs),
  };
  return nodes[operation];
}

async function operationTask(
  ort: Onnxruntime,
  load: Load,
  work: OperationWork,
  arrays: Arrays,
): Promise<Task> {
  const graph = buildGraph();
  const names = Object.entries(work.inputs).map(([name, shape]) => graph.input(name, shape));
  const session = await load(graph.finish(nodesOf(work)(graph, names)));
  const feeds = Object.fromEntries(names.map((name) => [name, toTensor(ort, arrays[name])]));
  return {
    run: () => session.run(feeds),
    check: async () => [magnitude((await session.run(feeds)).result.data)],
  };
}

async function denoiseTask(
  ort: Onnxruntime,
  load: Load,
  work: ModelWork,
  arrays: Arrays,
): Promise<Task> {
  const { parameters, batch } = splitModelArrays(arrays);
  const session = await load(denoisingModel(work.model, work.batch, parameters));
  const noise = toTensor(ort, batch.noise);
  const labels = toTensor(ort, {
    shape: [work.batch, LATENT.labels],
    data: oneHotLabels(batch.y.data),
  });
  const walk = async (): Promise<Float32Array> => {
    let z = toTensor(ort, batch.x);
    for (let i = 0; i < DENOISING.steps; i++) {
      const timestep = DENOISING.stride * (DENOISING.steps - 1 - i);
      const data = timestepFeatures(new Float32Array(work.batch).fill(timestep));
      const features = toTensor(ort, { shape: [work.batch, LATENT.time], data });
      z = (await session.run({ z, features, labels, noise })).result;
    }
    return z.data;
  };
  return { run: walk, check: async () => [magnitude(await walk())] };
}
