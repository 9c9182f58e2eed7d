// Convolution and its adjoints as kernels for matrix products over windows (im2col, col2im).

import type { CallKernel, Operand } from '../../../plan/kernel.ts';
import type { Conv2dGeometry, Conv2dParams } from '../../../primitives/conv2d.ts';
import { sizeOf, type Shape } from '../../../array/shape.ts';
import { contiguousView, isContiguous } from '../../../array/view.ts';
import {
  guard,
  inside,
  loadInside,
  lowerConv2dDirectly,
  lowerConv2dInputDirectly,
  lowerConv2dWeightDirectly,
  openSum,
} from './conv2d-direct.ts';
import type { Lowering } from '../kernel/lowering.ts';
import { multiply } from './matmul.ts';
import { offsetText, spread } from '../kernel/threads.ts';
import { floatText, KernelWriter } from '../kernel/writer.ts';

/** Convolutions of fewer multiply-adds are computed directly, with one kernel instead of two. */
const SMALLEST = 512;

/** The sizes of a convolution as matrix products, one product for each image and group. */
interface Sizes {
  readonly batch: number;
  readonly groups: number;
  /** Output channels of a group. */
  readonly outputs: number;
  /** Input channels of a group, and height and width of the kernel. */
  readonly tapShape: Shape;
  /** Weights of an output channel. */
  readonly taps: number;
  /** Positions of the window. */
  readonly places: number;
}

function sizesOf(x: Shape, w: Shape, y: Shape, groups: number): Sizes {
  const tapShape = w.slice(1);
  return {
    batch: x[0],
    groups,
    outputs: w[0] / groups,
    tapShape,
    taps: sizeOf(tapShape),
    places: y[2] * y[3],
  };
}

function isSmall({ batch, groups, outputs, taps, places }: Sizes): boolean {
  return batch * groups * outputs * taps * places < SMALLEST;
}

/**
 * `y = w · columns` for each image and group. The windows of x are the columns of a matrix (im2col), since
 * devices are best at matrix products. Small convolutions, and weights with gaps, are computed directly.
 *
 * Source: Chellapilla, Puri & Simard, High performance convolutional neural networks for document
 * processing, 2006.
 */
export function lowerConv2d(
  lowering: Lowering,
  kernel: CallKernel,
  geometry: Conv2dGeometry,
): void {
  const [x, w] = kernel.inputs;
  const [y] = kernel.outputs;
  const sizes = sizesOf(x.view.shape, w.view.shape, y.view.shape, geometry.groups);
  if (isSmall(sizes) || !isContiguous(w.view)) {
    lowerConv2dDirectly(lowering, kernel, geometry);
    return;
  }
  const columns = writeColumns(lowering, x, sizes, y.view.shape, geometry);
  multiply(lowering, weightMatrix(w, sizes, false), columns, y.buffer);
}

/** The adjoint in x: `columns = wᵀ · ȳ`; each element of x̄ sums its copies in the columns (col2im). */
export function lowerConv2dInput(
  lowering: Lowering,
  kernel: CallKernel,
  geometry: Conv2dParams['conv2dInput'],
): void {
  const [g, w] = kernel.inputs;
  const [x] = kernel.outputs;
  const sizes = sizesOf(x.view.shape, w.view.shape, g.view.shape, geometry.groups);
  if (isSmall(sizes) || !isContiguous(w.view) || !isContiguous(g.view)) {
    lowerConv2dInputDirectly(lowering, kernel, geometry);
    return;
  }
  const { batch, groups, outputs, taps, places } = sizes;
  const columns = lowering.temporary('float32', batch * groups * taps * places);
  const cotangent = matricesOf(g, [batch, groups, outputs, places]);
  multiply(lowering, weightMatrix(w, sizes, true), cotangent, columns);
  addColumns(lowering, columns, x, sizes, g.view.shape, geometry);
}

/** The adjoint in w: `w̄ = Σ ȳ · columnsᵀ`, summed over the images, for each group. */
export function lowerConv2dWeight(
  lowering: Lowering,
  kernel: CallKernel,
  geometry: Conv2dParams['conv2dWeight'],
): void {
  const [x, g] = kernel.inputs;
  const [w] = kernel.outputs;
  const sizes = sizesOf(x.view.shape, w.view.shape, g.view.shape, geometry.groups);
  if (isSmall(sizes) || !isContiguous(g.view)) {
    lowerConv2dWeightDirectly(lowering, kernel, geometry);
    return;
  }
  const { batch, groups, outputs, taps, places } = sizes;
  const columns = writeColumns(lowering, x, sizes, g.view.shape, geometry);
  const [byBatch, byGroup, byTap] = columns.view.strides;
  const transposed: Operand = {
    ...columns,
    view: {
      shape: [batch, groups, places, taps],
      strides: [byBatch, byGroup, 1, byTap],
      offset: 0,
    },
  };
  const cotangent = matricesOf(g, [batch, groups, outputs, places]);
  const size = sizeOf(w.view.shape);
  const ofImages = batch === 1 ? w.buffer : lowering.temporary('float32', batch * size);
  multiply(lowering, cotangent, transposed, ofImages);
  if (batch > 1) addImages(lowering, ofImages, w.buffer, batch, size);
}

/**
 * Writes the windows of x as matrices `[B, G, taps, places]`, with zeros where a window reaches into the
 * padding.
 */
function writeColumns(
  lowering: Lowering,
  x: Operand,
  { batch, groups, tapShape, taps, places }: Sizes,
  y: Shape,
  { stride, padding, dilation }: Conv2dGeometry,
): Operand {
  const buffer = lowering.temporary('float32', batch * groups * taps * places);
  const [height, width] = x.view.shape.slice(2);
  const writer = new KernelWriter(lowering.sizes);
  const { output, indices } = spread([batch, groups, ...tapShape, y[2], y[3]]);
  const [image, group, c, u, v, i, j] = indices;
  const row = `(${i} * ${stride[0]} + ${u} * ${dilation[0]} - ${padding[0]})`;
  const column = `(${j} * ${stride[1]} + ${v} * ${dilation[1]} - ${padding[1]})`;
  const isInside = [inside(row, height, padding[0]), inside(column, width, padding[1])];
  const element = loadInside(writer, isInside.join(' && '), x, [
    image,
    `(${group} * ${tapShape[0]} + ${c})`,
    row,
    column,
  ]);
  lowering.add(writer.finish('windows', output, element, buffer));
  return { buffer, dtype: 'float32', view: contiguousView([batch, groups, taps, places]) };
}

/** Adds the columns `[B, G, C, kh, kw, OH, OW]` to the elements of the images that they are copies of. */
function addColumns(
  lowering: Lowering,
  columns: number,
  x: Operand,
  { tapShape }: Sizes,
  y: Shape,
  { stride, padding, dilation, groups }: Conv2dGeometry,
): void {
  const [channels, kernelHeight, kernelWidth] = tapShape;
  const writer = new KernelWriter(lowering.sizes);
  const { output, indices } = spread(x.view.shape);
  const [image, channel, i, j] = indices;
  const sum = openSum(writer);
  const { strides } = contiguousView([
    x.view.shape[0],
    groups * channels,
    ...tapShape.slice(1),
    y[2],
    y[3],
  ]);
  writer.loop(kernelHeight, (u) => {
    writer.loop(kernelWidth, (v) => {
      const row = windowAt(i, u, stride[0], padding[0], dilation[0], y[2]);
      const column = windowAt(j, v, stride[1], padding[1], dilation[1], y[3]);
      guard(writer, `${row.begins} && ${column.begins}`, () => {
        guard(writer, `${row.hits} && ${column.hits}`, () => {
          const place = [image, channel, u, v, row.at, column.at];
          const operand = { buffer: columns, dtype: 'float32' } as const;
          const element = floatText(writer.load(operand, offsetText(0, strides, place)));
          writer.line(`${sum} = ${sum} + ${element};`);
        });
      });
    });
  });
  lowering.add(writer.finish('sum of windows', output, sum, x.buffer));
}

/** The window that reads a row or column at a tap, and the conditions under which there is one. */
function windowAt(
  at: string,
  tap: string,
  stride: number,
  padding: number,
  dilation: number,
  places: number,
): { readonly at: string; readonly begins: string; readonly hits: string } {
  const shifted = `(${at} + ${padding} - ${tap} * ${dilation})`;
  const begins = `${shifted} >= 0`;
  if (stride === 1) return { at: shifted, begins, hits: `${shifted} < ${places}` };
  const window = `quotient(${shifted}, ${stride})`;
  const hits = `${window} < ${places} && remainder(${shifted}, ${stride}) < 1`;
  return { at: window, begins, hits };
}

function addImages(
  lowering: Lowering,
  from: number,
  to: number,
  batch: number,
  size: number,
): void {
  const writer = new KernelWriter(lowering.sizes);
  const { output, indices } = spread([size]);
  const sum = openSum(writer);
  writer.loop(batch, (b) => {
    const offset = offsetText(0, [size, 1], [b, indices[0]]);
    const part = floatText(writer.load({ buffer: from, dtype: 'float32' }, offset));
    writer.line(`${sum} = ${sum} + ${part};`);
  });
  lowering.add(writer.finish('sum of images', output, sum, to));
}

/** The weights `[B, G, outputs, taps]`, the same for every image; or their transpose. */
function weightMatrix(
  w: Operand,
  { batch, groups, outputs, taps }: Sizes,
  transposed: boolean,
): Operand {
  const matrix: readonly [Shape, readonly number[]] = transposed
    ? [
        [taps, outputs],
        [1, taps],
      ]
    : [
        [outputs, taps],
        [taps, 1],
      ];
  const [shape, strides] = matrix;
  return {
    ...w,
    view: {
      shape: [batch, groups, ...shape],
      strides: [0, outputs * taps, ...strides],
      offset: w.view.offset,
    },
  };
}

/** A row-major operand viewed with another shape. */
function matricesOf(operand: Operand, shape: Shape): Operand {
  return { ...operand, view: { ...contiguousView(shape), offset: operand.view.offset } };
}
