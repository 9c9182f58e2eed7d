// Convolution and its two adjoints as matrix products over sliding windows (im2col).

import type { CallKernel } from '../../plan/kernel.ts';
import type { TypedArray } from '../../array/dtype.ts';
import { gatherElements } from '../../array/elements.ts';
import type { Conv2dGeometry, Conv2dParams } from '../../primitives/conv2d.ts';
import { sizeOf, type Shape } from '../../array/shape.ts';
import { gemm, type Matrix } from './gemm.ts';
import { addWindows, readWindows, type Windows } from './windows.ts';
import { Workspace } from './workspace.ts';

const windowMatrix = new Workspace();
const sums = new Workspace();

/**
 * `y = conv2d(x, w)`. For each image and group, the windows of x become the columns of a matrix, and `y [O,
 * OH·OW] = w [O, C·kh·kw] · columns [C·kh·kw, OH·OW]` (im2col).
 *
 * Source: Chellapilla, Puri & Simard, High performance convolutional neural networks for document
 * processing, 2006.
 */
export function conv2d(
  kernel: CallKernel,
  geometry: Conv2dGeometry,
): (buffers: readonly TypedArray[]) => void {
  const [x, w] = kernel.inputs;
  const [y] = kernel.outputs;
  const sizes = convolution(x.view.shape, w.view.shape, y.view.shape, geometry);
  const { outputs, taps, places, windows } = sizes;
  return (buffers) => {
    const image = gatherElements(buffers[x.buffer], 'float32', x.view) as Float32Array;
    const weight = gatherElements(buffers[w.buffer], 'float32', w.view) as Float32Array;
    const out = buffers[y.buffer] as Float32Array;
    const columns = windowMatrix.reserve(taps * places);
    forEachGroup(sizes, ({ inputAt, weightAt, outputAt }) => {
      readWindows(windows, image, inputAt, columns);
      const left = rowMajor(weight, weightAt, taps);
      const right = rowMajor(columns, 0, places);
      gemm(outputs, places, taps, left, right, out, y.view.offset + outputAt, false);
    });
  };
}

/**
 * The adjoint of conv2d in x. For each image and group, `columns = wᵀ · ȳ`; these columns are added to the
 * windows of x̄ that they are copies of (col2im).
 */
export function conv2dInput(
  kernel: CallKernel,
  geometry: Conv2dParams['conv2dInput'],
): (buffers: readonly TypedArray[]) => void {
  const [g, w] = kernel.inputs;
  const [x] = kernel.outputs;
  const sizes = convolution(x.view.shape, w.view.shape, g.view.shape, geometry);
  const { outputs, taps, places, windows } = sizes;
  return (buffers) => {
    const cotangent = gatherElements(buffers[g.buffer], 'float32', g.view) as Float32Array;
    const weight = gatherElements(buffers[w.buffer], 'float32', w.view) as Float32Array;
    const out = buffers[x.buffer];
    const columns = windowMatrix.reserve(taps * places);
    const size = windows.channels * windows.height * windows.width;
    const image = sums.reserve(size);
    forEachGroup(sizes, ({ inputAt, weightAt, outputAt }) => {
      const left = transposed(weight, weightAt, taps);
      const right = rowMajor(cotangent, outputAt, places);
      gemm(taps, places, outputs, left, right, columns, 0, false);
      image.fill(0, 0, size);
      addWindows(windows, columns, image);
      for (let i = 0; i < size; i++) out[x.view.offset + inputAt + i] = image[i];
    });
  };
}

/** The adjoint of conv2d in w: `w̄ = Σ ȳ · columnsᵀ` over the images, for each group. */
export function conv2dWeight(
  kernel: CallKernel,
  geometry: Conv2dParams['conv2dWeight'],
): (buffers: readonly TypedArray[]) => void {
  const [x, g] = kernel.inputs;
  const [w] = kernel.outputs;
  const sizes = convolution(x.view.shape, w.view.shape, g.view.shape, geometry);
  const { outputs, taps, places, windows } = sizes;
  return (buffers) => {
    const image = gatherElements(buffers[x.buffer], 'float32', x.view) as Float32Array;
    const cotangent = gatherElements(buffers[g.buffer], 'float32', g.view) as Float32Array;
    const columns = windowMatrix.reserve(taps * places);
    const size = sizeOf(w.view.shape);
    const weight = sums.reserve(size);
    weight.fill(0, 0, size);
    forEachGroup(sizes, ({ inputAt, weightAt, outputAt }) => {
      readWindows(windows, image, inputAt, columns);
      const left = rowMajor(cotangent, outputAt, places);
      const right = transposed(columns, 0, places);
      gemm(outputs, taps, places, left, right, weight, weightAt, true);
    });
    const out = buffers[w.buffer];
    for (let i = 0; i < size; i++) out[w.view.offset + i] = weight[i];
  };
}

/** The sizes of one convolution as a matrix product, for one image and one group. */
interface Convolution {
  readonly batch: number;
  readonly groups: number;
  /** Output channels of a group. */
  readonly outputs: number;
  /** Weights of an output channel: C/groups · kh · kw. */
  readonly taps: number;
  /** Positions of the window: OH · OW. */
  readonly places: number;
  readonly windows: Windows;
}

function convolution(x: Shape, w: Shape, y: Shape, geometry: Conv2dGeometry): Convolution {
  const [outputs, channels, kernelHeight, kernelWidth] = w;
  return {
    batch: x[0],
    groups: geometry.groups,
    outputs: outputs / geometry.groups,
    taps: channels * kernelHeight * kernelWidth,
    places: y[2] * y[3],
    windows: {
      channels,
      height: x[2],
      width: x[3],
      kernel: [kernelHeight, kernelWidth],
      places: [y[2], y[3]],
      geometry,
    },
  };
}

/** The offsets of one image and group in the row-major x, w and y. */
interface GroupPlace {
  readonly inputAt: number;
  readonly weightAt: number;
  readonly outputAt: number;
}

function forEachGroup(sizes: Convolution, visit: (place: GroupPlace) => void): void {
  const { batch, groups, outputs, taps, places, windows } = sizes;
  const imageSize = windows.channels * windows.height * windows.width;
  for (let b = 0; b < batch; b++) {
    for (let group = 0; group < groups; group++) {
      visit({
        inputAt: (b * groups + group) * imageSize,
        weightAt: group * outputs * taps,
        outputAt: (b * groups + group) * outputs * places,
      });
    }
  }
}

function rowMajor(elements: Matrix['elements'], offset: number, width: number): Matrix {
  return { elements, offset, rowStride: width, columnStride: 1 };
}

function transposed(elements: Matrix['elements'], offset: number, width: number): Matrix {
  return { elements, offset, rowStride: 1, columnStride: width };
}
