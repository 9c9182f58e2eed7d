// tfjs on its wasm backend with one thread, tuned by hand.

/**
 * @tensorflow/tfjs on its wasm backend, with one thread (its threads do not start in Node), tuned by
 * hand: gradients of its own where its kernels are slow or missing.
 */

import { fileURLToPath } from 'node:url';
import { packageFolder } from '../compare/package-folder.ts';
import type { Arrays, NamedArray } from '../works/arrays.ts';
import type { OperationWork } from '../works/works.ts';
import { CannotError, importPeer, magnitude, type OpenContender, type Task } from './contender.ts';
import type { Tf, TfTensor } from './tfjs-api.ts';
import { attend, denoiseTask, geluTanh, standardize, stepTask } from './tfjs-model.ts';
import { peerVersions } from './versions.ts';

interface WasmBackendModule {
  setWasmPaths(folder: string): void;
}

/** Opens tfjs. */
export const openTfjs: OpenContender = async () => {
  const tf = (await importPeer('@tensorflow/tfjs')) as Tf;
  const backend = (await importPeer('@tensorflow/tfjs-backend-wasm')) as WasmBackendModule;
  const binaries = new URL('node_modules/@tensorflow/tfjs-backend-wasm/dist/', packageFolder());
  backend.setWasmPaths(fileURLToPath(binaries));
  await tf.setBackend('wasm');
  await tf.ready();
  return {
    versions: peerVersions('@tensorflow/tfjs'),
    prepare: (work, arrays) => {
      if (work.kind === 'peak') throw new CannotError('the peak is a loop of its own');
      if (work.kind === 'operation') return operationTask(tf, work, arrays);
      return work.kind === 'denoise' ? denoiseTask(tf, work, arrays) : stepTask(tf, work, arrays);
    },
  };
};

type Function = (...inputs: readonly TfTensor[]) => TfTensor;

function functionOf(tf: Tf, { operation, stride, gradient }: OperationWork): Function {
  const functions: Readonly<Record<OperationWork['operation'], Function>> = {
    matmul: (a, b) => tf.matMul(a, b),
    // Its kernel for a transposed operand reaches 1 GFLOP/s, a copy first 24.
    matmulTransposed: (a, b) => tf.matMul(tf.transpose(a), b),
    attention: (q, k, v) => attend(tf, q, k, v),
    conv2d: gradient
      ? differentiableConv2d(tf, stride)
      : (x, filter) => tf.conv2d(x, filter, stride, SAME_PADDING),
    gelu: geluTanh,
    geluErf: (x) => x.mul(Math.SQRT1_2).erf().add(1).mul(x).mul(0.5),
    layerNorm: standardize,
    softmax: (x) => tf.softmax(x, -1),
    sum: (x) => x.sum(0),
    add: (a, b) => a.add(b),
  };
  return functions[operation];
}

/** A padding of 1 on each side of an image, in its layout [B, H, W, C]. */
const SAME_PADDING = [
  [0, 0],
  [1, 1],
  [1, 1],
  [0, 0],
] as const;

/**
 * Convolution whose gradient for the filter is a convolution of the images with the cotangent as a
 * filter (dilated by the stride), for the wasm backend lacks Conv2DBackpropFilter.
 */
function differentiableConv2d(tf: Tf, stride: number): (x: TfTensor, filter: TfTensor) => TfTensor {
  return tf.customGrad((x, filter, save) => {
    save([x, filter]);
    return {
      value: tf.conv2d(x, filter, stride, SAME_PADDING),
      gradFunc: (dy, [image, weights]) => {
        const swapped = tf.transpose(image, [3, 1, 2, 0]); // [C, H, W, B]
        const kernel = tf.transpose(dy, [1, 2, 0, 3]); // [h, w, B, O]
        const wide = tf.conv2d(swapped, kernel, 1, SAME_PADDING, 'NHWC', stride);
        const [channels, , , outputs] = wide.shape;
        const [size] = weights.shape;
        const cropped = tf.slice(wide, [0, 0, 0, 0], [channels, size, size, outputs]);
        return [
          tf.conv2dTranspose(dy, weights, image.shape, stride, SAME_PADDING),
          tf.transpose(cropped, [1, 2, 0, 3]),
        ];
      },
    };
  });
}

/** Operands of a convolution in tfjs's layouts: images [B, H, W, C] and filters [h, w, C, O]. */
function relaid(tf: Tf, name: string, x: TfTensor): TfTensor {
  return tf.transpose(x, name === 'weight' ? [2, 3, 1, 0] : [0, 2, 3, 1]);
}

function operationTask(tf: Tf, work: OperationWork, arrays: Arrays): Task {
  const toTensor = ([name, { data, shape }]: [string, NamedArray]): TfTensor => {
    const x = tf.tensor(Float32Array.from(data), shape);
    return work.operation === 'conv2d' ? relaid(tf, name, x) : x;
  };
  const f = functionOf(tf, work);
  const { cotangent, ...rest } = arrays;
  const operands = Object.entries(rest).map(toTensor);
  const both = tf.valueAndGrads(f);
  const seed = work.gradient ? toTensor(['cotangent', cotangent]) : null;
  const compute = (): readonly TfTensor[] =>
    tf.tidy(() => {
      if (seed === null) return [f(...operands)];
      const { value, grads } = both(operands, seed);
      return [value, ...grads];
    });
  return {
    // Kernels run at once, so the result is there on return.
    run: () => tf.dispose(compute()),
    check: () => compute().map((x) => magnitude(x.dataSync())),
  };
}
