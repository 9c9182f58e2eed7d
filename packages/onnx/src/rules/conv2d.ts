// The rules of the convolution and its adjoints in x and in w.

import type { Conv2dGeometry, Conv2dParams } from '@tessera/tensor/extend';
import type { Graph } from '../graph/graph.ts';
import type { OnnxRule } from './rule.ts';

/** Rules of the convolutions. */
export const convolutions: { readonly [N in keyof Conv2dParams]: OnnxRule<Conv2dParams[N]> } = {
  conv2d: (graph, { inputs, params: { stride, padding, dilation, groups } }) =>
    graph.node('Conv', inputs, {
      strides: stride,
      dilations: dilation,
      group: groups,
      pads: [...padding, ...padding],
    }),
  /** The transposed convolution. Rows that no window of conv2d reads are its output padding. */
  conv2dInput: (graph, { inputs, specs: [g, w], params }) => {
    const { stride, padding, dilation, groups, inputSize } = params;
    const rest = inputSize.map((size, i) => size - reached(params, i, g.shape, w.shape));
    return graph.node('ConvTranspose', inputs, {
      strides: stride,
      dilations: dilation,
      group: groups,
      pads: [...padding, ...padding],
      output_padding: rest,
    });
  },
  /**
   * The convolution of x with ȳ as its kernel, in which batch and channels change places, and so do stride
   * and dilation. Groups are convolved one by one.
   */
  conv2dWeight: (graph, { inputs: [x, g], specs, params }) => {
    const [xShape, gShape] = specs.map(({ shape }) => shape);
    const rows = swapped(graph, fitted(graph, x, xShape, gShape, params)); // [C, B, H, W]
    const kernels = swapped(graph, g); // [O, B, OH, OW]
    const { groups, stride, dilation } = params;
    const parts = Array.from({ length: groups }, (_, group) => {
      const part = (y: string, count: number): string =>
        groups === 1 ? y : slice(graph, y, 0, (group * count) / groups, count / groups);
      return graph.node('Conv', [part(rows, xShape[1]), part(kernels, gShape[1])], {
        strides: dilation,
        dilations: stride,
      }); // [C/groups, O/groups, kh, kw]
    });
    const joined = groups === 1 ? parts[0] : graph.node('Concat', parts, { axis: 1 });
    return swapped(graph, joined); // [O, C/groups, kh, kw]
  },
};

/** The size of an input, padding taken off, that the windows of a convolution just cover. */
function reached(
  { stride, padding, dilation }: Conv2dGeometry,
  axis: number,
  outputs: readonly number[],
  kernel: readonly number[],
): number {
  const window = dilation[axis] * (kernel[2 + axis] - 1) + 1;
  return stride[axis] * (outputs[2 + axis] - 1) + window - 2 * padding[axis];
}

/** x with the padding in front, and just as many rows and columns behind as the windows read. */
function fitted(
  graph: Graph,
  x: string,
  shape: readonly number[],
  outputs: readonly number[],
  params: Conv2dParams['conv2dWeight'],
): string {
  const { padding, kernelSize } = params;
  const kernel = [0, 0, ...kernelSize];
  // Negative padding crops.
  const behind = [0, 1].map(
    (axis) => padding[axis] + reached(params, axis, outputs, kernel) - shape[2 + axis],
  );
  const amounts = [0, 0, ...padding, 0, 0, ...behind];
  return amounts.every((n) => n === 0) ? x : graph.node('Pad', [x, graph.integers(amounts)]);
}

/** The first two axes change places. */
function swapped(graph: Graph, x: string): string {
  return graph.node('Transpose', [x], { perm: [1, 0, 2, 3] });
}

function slice(graph: Graph, x: string, axis: number, start: number, size: number): string {
  const [starts, ends, axes] = [[start], [start + size], [axis]].map((n) => graph.integers(n));
  return graph.node('Slice', [x, starts, ends, axes]);
}
