// The convolution primitives: conv2d and its adjoints in x and in w, closed under differentiation.

import { expectDType } from '../array/dtype.ts';
import { sameShape, sizeOf, type Shape } from '../array/shape.ts';
import { formatShape, ShapeError, ValueError } from '../errors.ts';
import type { KernelPrimitive, TensorSpec } from './primitive.ts';

/** Geometry of a 2-D convolution, each `[vertical, horizontal]`. */
export type Conv2dGeometry = {
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;
};

/** Attributes of the convolution and its adjoints. */
export interface Conv2dParams {
  conv2d: Conv2dGeometry;
  conv2dInput: Conv2dGeometry & { readonly inputSize: readonly [number, number] };
  conv2dWeight: Conv2dGeometry & { readonly kernelSize: readonly [number, number] };
}

/**
 * The convolutions. `conv2d(x, w)` is linear in x and in w. Its two adjoints are primitives too, and the
 * three are closed under differentiation.
 */
export const conv2d: { readonly [N in keyof Conv2dParams]: KernelPrimitive<Conv2dParams[N]> } = {
  /** y[b, o, i, j] = Σ_{c, u, v} x[b, c, i·stride + u·dilation − padding, …] · w[o, c, u, v] */
  conv2d: {
    kind: 'kernel',
    name: 'conv2d',
    rowAxes: 2,
    infer: ([x, w], geometry) => {
      expectFloats('conv2d', x, w);
      const [batch, channels, height, width] = expectRank4('conv2d', 'x [B, C, H, W]', x);
      const [outputs, perGroup, kernelHeight, kernelWidth] = expectRank4(
        'conv2d',
        'w [O, C/groups, kh, kw]',
        w,
      );
      checkGeometry('conv2d', geometry);
      if (channels !== perGroup * geometry.groups || outputs % geometry.groups !== 0) {
        throw new ShapeError(
          'conv2d',
          `x ${formatShape(x.shape)} has ${channels} channels, but w ${formatShape(w.shape)} with groups ${geometry.groups} ` +
            `takes ${perGroup * geometry.groups} channels to ${outputs}. C must be groups · w.shape[1] and O a multiple of groups.`,
          [x.shape, w.shape],
        );
      }
      const size = conv2dOutputSize([height, width], [kernelHeight, kernelWidth], geometry);
      if (size.some((n) => n < 1) || kernelHeight < 1 || kernelWidth < 1) {
        throw new ShapeError(
          'conv2d',
          `the kernel of w ${formatShape(w.shape)} does not fit into x ${formatShape(x.shape)} with padding ` +
            `${formatShape(geometry.padding)} and dilation ${formatShape(geometry.dilation)}.`,
          [x.shape, w.shape],
        );
      }
      return [{ shape: [batch, outputs, ...size], dtype: 'float32' }];
    },
    flops: ([x, w], geometry) => {
      const size = conv2dOutputSize(x.shape.slice(2), w.shape.slice(2), geometry);
      return 2 * x.shape[0] * sizeOf(size) * sizeOf(w.shape);
    },
  },
  /** the adjoint of conv2d in x: x̄ = Σ over the windows that read each input element of ȳ · w */
  conv2dInput: {
    kind: 'kernel',
    name: 'conv2dInput',
    rowAxes: 2,
    infer: ([g, w], geometry) => {
      expectFloats('conv2dInput', g, w);
      const [batch, outputs] = expectRank4('conv2dInput', 'ȳ [B, O, OH, OW]', g);
      const [outputs2, perGroup] = expectRank4('conv2dInput', 'w [O, C/groups, kh, kw]', w);
      checkGeometry('conv2dInput', geometry);
      const size = conv2dOutputSize(geometry.inputSize, w.shape.slice(2), geometry);
      if (
        outputs !== outputs2 ||
        !sameShape(size, g.shape.slice(2)) ||
        outputs % geometry.groups !== 0
      ) {
        throw new ShapeError(
          'conv2dInput',
          `ȳ ${formatShape(g.shape)} is not the shape of conv2d of [B, C, ${geometry.inputSize.join(', ')}] with w ` +
            `${formatShape(w.shape)} gives: [B, ${outputs2}, ${size.join(', ')}] expected.`,
          [g.shape, w.shape],
        );
      }
      return [
        { shape: [batch, perGroup * geometry.groups, ...geometry.inputSize], dtype: 'float32' },
      ];
    },
    flops: ([g, w]) => 2 * g.shape[0] * sizeOf(g.shape.slice(2)) * sizeOf(w.shape),
  },
  /** the adjoint of conv2d in w: w̄[o, c, u, v] = Σ_{b, i, j} ȳ[b, o, i, j] · x[b, c, i·stride + u·dilation − padding, …] */
  conv2dWeight: {
    kind: 'kernel',
    name: 'conv2dWeight',
    infer: ([x, g], geometry) => {
      expectFloats('conv2dWeight', x, g);
      const [batch, channels, height, width] = expectRank4('conv2dWeight', 'x [B, C, H, W]', x);
      const [batch2, outputs] = expectRank4('conv2dWeight', 'ȳ [B, O, OH, OW]', g);
      checkGeometry('conv2dWeight', geometry);
      const size = conv2dOutputSize([height, width], geometry.kernelSize, geometry);
      const divides = channels % geometry.groups === 0 && outputs % geometry.groups === 0;
      if (batch !== batch2 || !divides || !sameShape(size, g.shape.slice(2))) {
        throw new ShapeError(
          'conv2dWeight',
          `ȳ ${formatShape(g.shape)} is not the shape of conv2d of x ${formatShape(x.shape)} with a ` +
            `${geometry.kernelSize.join('×')} kernel gives: [${batch}, O, ${size.join(', ')}] expected.`,
          [x.shape, g.shape],
        );
      }
      return [
        { shape: [outputs, channels / geometry.groups, ...geometry.kernelSize], dtype: 'float32' },
      ];
    },
    flops: ([x, g], geometry) =>
      2 * sizeOf(g.shape) * (x.shape[1] / geometry.groups) * sizeOf(geometry.kernelSize),
  },
};

/** Output height and width of a convolution: `⌊(in + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1`. */
export function conv2dOutputSize(
  input: Shape,
  kernel: Shape,
  geometry: Conv2dGeometry,
): [number, number] {
  const along = (axis: 0 | 1): number => {
    const reach = geometry.dilation[axis] * (kernel[axis] - 1) + 1;
    return (
      Math.floor((input[axis] + 2 * geometry.padding[axis] - reach) / geometry.stride[axis]) + 1
    );
  };
  return [along(0), along(1)];
}

/** Throws a {@link ValueError} unless stride, dilation and groups are at least 1 and padding at least 0. */
export function checkGeometry(op: string, geometry: Conv2dGeometry): void {
  const positive = [...geometry.stride, ...geometry.dilation, geometry.groups];
  const sizes = [geometry.stride, geometry.padding, geometry.dilation];
  const valid =
    sizes.every(({ length }) => length === 2) &&
    positive.every((n) => Number.isInteger(n) && n >= 1) &&
    geometry.padding.every((n) => Number.isInteger(n) && n >= 0);
  if (valid) return;
  throw new ValueError(
    op,
    `stride ${formatShape(geometry.stride)}, dilation ${formatShape(geometry.dilation)} and groups ${geometry.groups} ` +
      `must be whole numbers of at least 1, padding ${formatShape(geometry.padding)} of at least 0: ` +
      'one number, or [vertical, horizontal].',
  );
}

function expectFloats(op: string, ...inputs: readonly TensorSpec[]): void {
  for (const input of inputs) expectDType(op, input.dtype, ['float32']);
}

function expectRank4(op: string, what: string, { shape }: TensorSpec): Shape {
  if (shape.length === 4) return shape;
  throw new ShapeError(op, `${what} expected, but got ${formatShape(shape)}.`, [shape]);
}
