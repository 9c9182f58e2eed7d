// Kernels that compute small convolutions and their adjoints directly, one thread for each result.

import type { CallKernel, Operand } from '../../../plan/kernel.ts';
import type { Conv2dGeometry, Conv2dParams } from '../../../primitives/conv2d.ts';
import { sizeOf } from '../../../array/shape.ts';
import type { Lowering } from '../kernel/lowering.ts';
import { offsetText, spread } from '../kernel/threads.ts';
import { floatText, KernelWriter } from '../kernel/writer.ts';

/** Longest sum of one thread of conv2dWeight. Longer sums are first taken image by image. */
const LONGEST_SUM = 512;

/**
 * `y[b, o, i, j] = Σ x[b, c, i·stride + u·dilation − padding, …] · w[o, c, u, v]`, one thread per element.
 */
export function lowerConv2dDirectly(
  lowering: Lowering,
  kernel: CallKernel,
  { stride, padding, dilation, groups }: Conv2dGeometry,
): void {
  const [x, w] = kernel.inputs;
  const [y] = kernel.outputs;
  const [perGroup, kernelHeight, kernelWidth] = w.view.shape.slice(1);
  const [height, width] = x.view.shape.slice(2);
  const writer = new KernelWriter(lowering.sizes);
  const { output, indices } = spread(y.view.shape);
  const [image, out, i, j] = indices;
  const firstChannel = groupStart(out, y.view.shape[1], groups, perGroup);
  const sum = openSum(writer);
  writer.loop(perGroup, (c) => {
    writer.loop(kernelHeight, (u) => {
      writer.loop(kernelWidth, (v) => {
        const row = `(${i} * ${stride[0]} + ${u} * ${dilation[0]} - ${padding[0]})`;
        const column = `(${j} * ${stride[1]} + ${v} * ${dilation[1]} - ${padding[1]})`;
        const isInside = [inside(row, height, padding[0]), inside(column, width, padding[1])];
        const element = loadInside(writer, isInside.join(' && '), x, [
          image,
          `(${firstChannel} + ${c})`,
          row,
          column,
        ]);
        const weight = loadElement(writer, w, [out, c, u, v]);
        writer.line(`${sum} = ${sum} + ${element} * ${weight};`);
      });
    });
  });
  lowering.add(writer.finish('conv2d', output, sum, y.buffer));
}

/** The adjoint in x: each element of x̄ sums over the windows that read it. */
export function lowerConv2dInputDirectly(
  lowering: Lowering,
  kernel: CallKernel,
  { stride, padding, dilation, groups }: Conv2dParams['conv2dInput'],
): void {
  const [g, w] = kernel.inputs;
  const [x] = kernel.outputs;
  const [outputs, perGroup, kernelHeight, kernelWidth] = w.view.shape;
  const [height, width] = g.view.shape.slice(2);
  const writer = new KernelWriter(lowering.sizes);
  const { output, indices } = spread(x.view.shape);
  const [image, channel, i, j] = indices;
  const outPerGroup = outputs / groups;
  const firstOut = groupStart(channel, x.view.shape[1], groups, outPerGroup);
  const inGroup = groups === 1 ? channel : `remainder(${channel}, ${perGroup})`;
  const sum = openSum(writer);
  // Window r reads element i at tap u if i + padding − u·dilation = r·stride.
  const windowOf = (at: string, tap: string, axis: 0 | 1): { at: string; hits: string } => {
    const shifted = `(${at} + ${padding[axis]} - ${tap} * ${dilation[axis]})`;
    if (stride[axis] === 1) return { at: shifted, hits: '' };
    return {
      at: `quotient(${shifted}, ${stride[axis]})`,
      hits: `remainder(${shifted}, ${stride[axis]}) < 1`,
    };
  };
  writer.loop(outPerGroup, (o) => {
    writer.loop(kernelHeight, (u) => {
      writer.loop(kernelWidth, (v) => {
        const row = windowOf(i, u, 0);
        const column = windowOf(j, v, 1);
        const shiftedRow = `${i} + ${padding[0]} - ${u} * ${dilation[0]} >= 0`;
        const shiftedColumn = `${j} + ${padding[1]} - ${v} * ${dilation[1]} >= 0`;
        guard(writer, [shiftedRow, shiftedColumn].join(' && '), () => {
          const lands = [`${row.at} < ${height}`, `${column.at} < ${width}`, row.hits, column.hits];
          guard(writer, lands.filter((text) => text !== '').join(' && '), () => {
            const out = `(${firstOut} + ${o})`;
            const cotangent = loadElement(writer, g, [image, out, row.at, column.at]);
            const weight = loadElement(writer, w, [out, inGroup, u, v]);
            writer.line(`${sum} = ${sum} + ${cotangent} * ${weight};`);
          });
        });
      });
    });
  });
  lowering.add(writer.finish('conv2dInput', output, sum, x.buffer));
}

/** The adjoint in w: each weight sums over all places of its tap; image by image if there are many. */
export function lowerConv2dWeightDirectly(
  lowering: Lowering,
  kernel: CallKernel,
  geometry: Conv2dParams['conv2dWeight'],
): void {
  const [, g] = kernel.inputs;
  const [w] = kernel.outputs;
  const [batch] = g.view.shape;
  const places = sizeOf(g.view.shape.slice(2));
  if (batch === 1 || batch * places <= LONGEST_SUM) {
    writeWeight(lowering, kernel, geometry, w.buffer, false);
    return;
  }
  const size = sizeOf(w.view.shape);
  const partial = lowering.temporary('float32', batch * size);
  writeWeight(lowering, kernel, geometry, partial, true);
  const writer = new KernelWriter(lowering.sizes);
  const { output, indices } = spread([size]);
  const sum = openSum(writer);
  writer.loop(batch, (b) => {
    const offset = offsetText(0, [size, 1], [b, indices[0]]);
    const part = floatText(writer.load({ buffer: partial, dtype: 'float32' }, offset));
    writer.line(`${sum} = ${sum} + ${part};`);
  });
  lowering.add(writer.finish('conv2dWeight of images', output, sum, w.buffer));
}

/** Writes `w̄` to a buffer; with `byImage`, the part of each image `[B, …w̄]`. */
function writeWeight(
  lowering: Lowering,
  kernel: CallKernel,
  { stride, padding, dilation, groups }: Conv2dParams['conv2dWeight'],
  buffer: number,
  byImage: boolean,
): void {
  const [x, g] = kernel.inputs;
  const [w] = kernel.outputs;
  const [outputs, perGroup] = w.view.shape;
  const [batch, , placesHigh, placesWide] = g.view.shape;
  const [height, width] = x.view.shape.slice(2);
  const writer = new KernelWriter(lowering.sizes);
  const { output, indices } = spread(byImage ? [batch, ...w.view.shape] : w.view.shape);
  const [out, c, u, v] = indices.slice(-4);
  const channel = `(${groupStart(out, outputs, groups, perGroup)} + ${c})`;
  const sum = openSum(writer);
  const ofImage = (image: string): void => {
    writer.loop(placesHigh, (i) => {
      const row = `(${i} * ${stride[0]} + ${u} * ${dilation[0]} - ${padding[0]})`;
      writer.loop(placesWide, (j) => {
        const column = `(${j} * ${stride[1]} + ${v} * ${dilation[1]} - ${padding[1]})`;
        const isInside = [inside(row, height, padding[0]), inside(column, width, padding[1])];
        const element = loadInside(writer, isInside.join(' && '), x, [image, channel, row, column]);
        const cotangent = loadElement(writer, g, [image, out, i, j]);
        writer.line(`${sum} = ${sum} + ${element} * ${cotangent};`);
      });
    });
  };
  if (byImage) ofImage(indices[0]);
  else writer.loop(batch, ofImage);
  lowering.add(writer.finish('conv2dWeight', output, sum, buffer));
}

/** Writes a variable that starts at 0, and returns its name. */
export function openSum(writer: KernelWriter): string {
  const name = writer.name('s');
  writer.line(`let ${name} = 0;`);
  return name;
}

/**
 * The first channel of a group, as text. The group is the one of channel `index` of `count`, and each group
 * has `into` channels.
 */
function groupStart(index: string, count: number, groups: number, into: number): string {
  return groups === 1 ? '0' : `quotient(${index}, ${count / groups}) * ${into}`;
}

/** The condition that a row or column of the padded image lies inside the image. */
export function inside(at: string, size: number, padding: number): string {
  return padding === 0 ? `${at} < ${size}` : `${at} >= 0 && ${at} < ${size}`;
}

/** Writes a body that runs only if a condition holds. */
export function guard(writer: KernelWriter, condition: string, body: () => void): void {
  writer.line(`if (${condition}) {`);
  body();
  writer.line('}');
}

function loadElement(writer: KernelWriter, operand: Operand, indices: readonly string[]): string {
  const { offset, strides } = operand.view;
  return floatText(writer.load(operand, offsetText(offset, strides, indices)));
}

/** Reads an element of the padded image. It is 0 outside, so its product with an infinite weight is NaN. */
export function loadInside(
  writer: KernelWriter,
  condition: string,
  operand: Operand,
  indices: readonly string[],
): string {
  const name = writer.name('x');
  writer.line(`let ${name} = 0;`);
  guard(writer, condition, () => {
    writer.line(`${name} = ${loadElement(writer, operand, indices)};`);
  });
  return name;
}
