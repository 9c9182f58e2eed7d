// conv2d and convTranspose2d, with their options and checks.

import { checkOptions, checkTensors } from '../../arguments.ts';
import { formatShape, ShapeError, ValueError } from '../../errors.ts';
import { apply } from '../../interpreter.ts';
import { checkGeometry, type Conv2dGeometry } from '../../primitives/conv2d.ts';
import type { Tensor } from '../../tensor.ts';
import { convolutions } from './convolutions.ts';

/** One number for both directions, or `[vertical, horizontal]`. */
export type Size2d = number | readonly [number, number];

/** Options of {@link conv2d}. */
export interface Conv2dOptions {
  /** Default 1. */
  readonly stride?: Size2d;
  /** Zeros on every side. Default 0. */
  readonly padding?: Size2d;
  /** Distance between kernel taps. Default 1. */
  readonly dilation?: Size2d;
  /** Independent groups of channels. Default 1. */
  readonly groups?: number;
}

/** Options of {@link convTranspose2d}. */
export interface ConvTranspose2dOptions extends Conv2dOptions {
  /** Rows and columns added to one side of the output. Default 0. */
  readonly outputPadding?: Size2d;
}

/** The options of both convolutions. */
const GEOMETRY = ['stride', 'padding', 'dilation', 'groups'] as const;

/**
 * 2-D cross-correlation: x `[B, C, H, W]` and weight `[O, C/groups, kh, kw]` give `[B, O, OH, OW]`
 * with `OH = ⌊(H + 2·padding − dilation·(kh − 1) − 1) / stride⌋ + 1`.
 *
 * @throws ShapeError if channels, groups or kernel do not fit.
 * @example
 * const image = normal(key(1), [1, 3, 32, 32]); // [B, C, H, W]
 * conv2d(image, ones([8, 3, 3, 3]), { stride: 2, padding: 1 }); // float32[1, 8, 16, 16]
 */
export function conv2d(x: Tensor, weight: Tensor, options: Conv2dOptions = {}): Tensor {
  checkTensors('conv2d', { x, weight });
  checkOptions('conv2d', options, GEOMETRY);
  return apply(convolutions.conv2d, [x, weight], geometryOf(options))[0];
}

/**
 * The transpose of {@link conv2d} in x: x `[B, C, H, W]` and weight `[C, O/groups, kh, kw]` give
 * `[B, O, OH, OW]` with `OH = (H − 1)·stride − 2·padding + dilation·(kh − 1) + outputPadding + 1`.
 *
 * @example
 * const features = normal(key(1), [1, 8, 16, 16]); // [B, C, H, W]
 * const weight = ones([8, 3, 4, 4]); // [C, O, kh, kw]
 * convTranspose2d(features, weight, { stride: 2, padding: 1 }); // float32[1, 3, 32, 32]
 */
export function convTranspose2d(
  x: Tensor,
  weight: Tensor,
  options: ConvTranspose2dOptions = {},
): Tensor {
  checkTensors('convTranspose2d', { x, weight });
  checkOptions('convTranspose2d', options, [...GEOMETRY, 'outputPadding']);
  const geometry = geometryOf(options);
  const extra = pair(options.outputPadding ?? 0);
  if (x.rank !== 4 || weight.rank !== 4) {
    throw new ShapeError(
      'convTranspose2d',
      `x is ${formatShape(x.shape)}, weight is ${formatShape(weight.shape)}: [B, C, H, W] and [C, O/groups, kh, kw] expected.`,
      [x.shape, weight.shape],
    );
  }
  checkGeometry('convTranspose2d', geometry);
  const { groups } = geometry;
  if (x.shape[1] !== weight.shape[0] || x.shape[1] % groups !== 0) {
    throw new ShapeError(
      'convTranspose2d',
      `x ${formatShape(x.shape)} has ${x.shape[1]} channels, but weight ${formatShape(weight.shape)} takes ` +
        `${weight.shape[0]}, in ${groups} groups. C must be weight.shape[0] and a multiple of groups.`,
      [x.shape, weight.shape],
    );
  }
  const tooMuch = (n: number, i: number): boolean =>
    n >= geometry.stride[i] && n >= geometry.dilation[i];
  if (extra.some((n, i) => !Number.isInteger(n) || n < 0 || tooMuch(n, i))) {
    throw new ValueError(
      'convTranspose2d',
      `outputPadding ${formatShape(extra)} must be whole numbers from 0, smaller than stride ${formatShape(geometry.stride)} or dilation ${formatShape(geometry.dilation)}.`,
    );
  }
  const sizeAlong = (axis: 0 | 1): number =>
    (x.shape[2 + axis] - 1) * geometry.stride[axis] -
    2 * geometry.padding[axis] +
    geometry.dilation[axis] * (weight.shape[2 + axis] - 1) +
    extra[axis] +
    1;
  const inputSize = [sizeAlong(0), sizeAlong(1)] as const;
  if (inputSize.some((n) => n < 1)) {
    throw new ShapeError(
      'convTranspose2d',
      `padding ${formatShape(geometry.padding)} cuts off the whole output for x ${formatShape(x.shape)} with weight ${formatShape(weight.shape)}.`,
      [x.shape, weight.shape],
    );
  }
  return apply(convolutions.conv2dInput, [x, weight], { ...geometry, inputSize })[0];
}

/** The geometry with its defaults, and every size as a pair. */
export function geometryOf(options: Conv2dOptions): Conv2dGeometry {
  return {
    stride: pair(options.stride ?? 1),
    padding: pair(options.padding ?? 0),
    dilation: pair(options.dilation ?? 1),
    groups: options.groups ?? 1,
  };
}

/** The size as `[vertical, horizontal]`. */
export function pair(size: Size2d): readonly [number, number] {
  return Array.isArray(size) ? (size as [number, number]) : [size as number, size as number];
}
