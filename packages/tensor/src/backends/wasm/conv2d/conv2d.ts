// Convolution and its gradient in x, both brought to the form of one or more correlations.

import type { CallKernel } from '../../../plan/kernel.ts';
import {
  conv2dOutputSize,
  type Conv2dGeometry,
  type Conv2dParams,
} from '../../../primitives/conv2d.ts';
import type { Correlation } from './correlation-layout.ts';
import { correlation } from './correlation.ts';
import type { KernelCode, Target } from '../kernel/kernel-code.ts';
import type { Part, PartAxis } from './pack-weights.ts';

/** `y = conv2d(x, w)`: the weights of all output channels times the windows of x. */
export function conv2d(kernel: CallKernel, geometry: Conv2dGeometry, target: Target): KernelCode {
  const [x, w] = kernel.inputs.map(({ view }) => view);
  const { groups, stride } = geometry;
  const [outputs, channels] = w.shape;
  const size = conv2dOutputSize(x.shape.slice(2), w.shape.slice(2), geometry);
  const axis = (i: 0 | 1): PartAxis => ({
    taps: { count: w.shape[2 + i], first: -geometry.padding[i], step: geometry.dilation[i] },
    phase: 0,
    phases: 1,
    weight: { first: 0, step: 1, phaseStep: 0 },
  });
  const spec: Correlation = {
    batch: x.shape[0],
    groups,
    planes: {
      channels,
      size: [x.shape[2], x.shape[3]],
      strides: [x.strides[1], x.strides[2], x.strides[3]],
    },
    imageStride: x.strides[0],
    groupStride: channels * x.strides[1],
    stride,
    grid: size,
    weights: {
      rows: outputs / groups,
      channels,
      groupStride: (outputs / groups) * w.strides[0],
      rowStride: w.strides[0],
      channelStride: w.strides[1],
      tapStrides: [w.strides[2], w.strides[3]],
    },
    parts: [{ axes: [axis(0), axis(1)] }],
    result: [outputs / groups, ...size],
    spread: [1, 1],
    leavesPaddingOut: false,
  };
  return correlation(kernel, spec, target);
}

/**
 * The adjoint of conv2d in x, as convolutions of ȳ. Let the stride be s. The elements of x̄ whose place has
 * the same remainder modulo s are reached by the same taps, and so are one convolution of stride 1.
 * Remainders whose taps read the same windows of ȳ are rows of one product.
 */
export function conv2dInput(
  kernel: CallKernel,
  geometry: Conv2dParams['conv2dInput'],
  target: Target,
): KernelCode {
  const [g, w] = kernel.inputs.map(({ view }) => view);
  const { groups, stride, inputSize } = geometry;
  const outputs = w.shape[0] / groups;
  const channels = w.shape[1];
  const axes = (i: 0 | 1): PartAxis[] => adjointAxes(geometry, i, w.shape[2 + i]);
  const spec: Correlation = {
    batch: g.shape[0],
    groups,
    planes: {
      channels: outputs,
      size: [g.shape[2], g.shape[3]],
      strides: [g.strides[1], g.strides[2], g.strides[3]],
    },
    imageStride: g.strides[0],
    groupStride: outputs * g.strides[1],
    stride: [1, 1],
    grid: [Math.ceil(inputSize[0] / stride[0]), Math.ceil(inputSize[1] / stride[1])],
    weights: {
      rows: channels,
      channels: outputs,
      groupStride: outputs * w.strides[0],
      rowStride: w.strides[1],
      channelStride: w.strides[0],
      tapStrides: [w.strides[2], w.strides[3]],
    },
    parts: axes(0).flatMap((vertical) =>
      axes(1).map((horizontal): Part => ({ axes: [vertical, horizontal] })),
    ),
    result: [channels, ...inputSize],
    spread: stride,
    leavesPaddingOut: true,
  };
  return correlation(kernel, spec, target);
}

/**
 * The taps that reach each remainder p of a place in x̄ modulo the stride s. They are those u for which
 * `p + padding − u · dilation` is a multiple of s; the place then reads ȳ that many strides away.
 */
function adjointAxes(geometry: Conv2dGeometry, axis: 0 | 1, kernel: number): PartAxis[] {
  const s = geometry.stride[axis];
  const d = geometry.dilation[axis];
  const period = s / greatestCommonDivisor(s, d); // distance of the taps of one remainder
  const found: PartAxis[] = [];
  for (let phase = 0; phase < s; phase++) {
    const place = phase + geometry.padding[axis];
    let first = 0;
    while (first < period && (place - first * d) % s !== 0) first++;
    const count = first === period ? 0 : Math.max(0, Math.ceil((kernel - first) / period));
    const taps = {
      count,
      first: count === 0 ? 0 : (place - first * d) / s,
      step: count === 0 ? 0 : -(period * d) / s,
    };
    const next: PartAxis = {
      taps,
      phase,
      phases: 1,
      weight: { first, step: period, phaseStep: 0 },
    };
    const last = found.at(-1);
    if (last !== undefined && continues(last, next)) found[found.length - 1] = joined(last, next);
    else found.push(next);
  }
  return found;
}

/** Whether `next` reads the same windows as `last`. Its remainder is the one behind those of `last`. */
function continues(last: PartAxis, next: PartAxis): boolean {
  const isSame = last.taps.count === next.taps.count && last.taps.first === next.taps.first;
  const step = next.weight.first - last.weight.first;
  return isSame && (last.phases === 1 || step === last.phases * last.weight.phaseStep);
}

function joined(last: PartAxis, next: PartAxis): PartAxis {
  const phaseStep = (next.weight.first - last.weight.first) / last.phases;
  return { ...last, phases: last.phases + 1, weight: { ...last.weight, phaseStep } };
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
