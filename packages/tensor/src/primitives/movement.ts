// The primitives that move no element (permute, slice, …) and those that assemble (pad, concat).

import { AxisError, DTypeError, formatShape, ShapeError } from '../errors.ts';
import { broadcastShapes, checkShape, inferReshape, sameShape } from '../array/shape.ts';
import { expandView, permuteView, reshapeView, sliceView } from '../array/view.ts';
import type { AssemblyPrimitive, MovementPrimitive, NoParams, TensorSpec } from './primitive.ts';

/** Attributes of every movement and assembly primitive. */
export interface MovementParams {
  alias: NoParams;
  barrier: NoParams;
  reshape: { readonly shape: readonly number[] };
  permute: { readonly axes: readonly number[] };
  expand: { readonly shape: readonly number[] };
  slice: {
    readonly starts: readonly number[];
    readonly sizes: readonly number[];
    readonly steps: readonly number[];
  };
}

/** Attributes of the primitives that assemble a tensor from pieces. */
export interface AssemblyParams {
  pad: {
    readonly before: readonly number[];
    readonly after: readonly number[];
    /** Numbers of zeros between neighbouring elements, for each axis. */
    readonly interior: readonly number[];
  };
  concat: { readonly axis: number };
}

/** Movements: new views of the same elements. */
export const movement: {
  readonly [N in keyof MovementParams]: MovementPrimitive<MovementParams[N]>;
} = {
  /** x under a new identity, by which the gradient recorder distinguishes it from x */
  alias: {
    kind: 'movement',
    name: 'alias',
    infer: ([x]) => [x],
    view: (view) => view,
    flops: () => 0,
  },
  /** x, as a tensor from which the compiler computes anew: it neither merges nor fuses across it */
  barrier: {
    kind: 'movement',
    name: 'barrier',
    infer: ([x]) => [x],
    view: (view) => view,
    separates: true,
    flops: () => 0,
  },
  /** the same elements in row-major order under another shape */
  reshape: {
    kind: 'movement',
    name: 'reshape',
    infer: ([x], { shape }) => [{ shape: inferReshape('reshape', x.shape, shape), dtype: x.dtype }],
    view: (view, { shape }) => reshapeView(view, shape),
    flops: () => 0,
  },
  /** y[i_0, …] = x with dimension k of y being dimension axes[k] of x */
  permute: {
    kind: 'movement',
    name: 'permute',
    infer: ([x], { axes }) => {
      checkPermutation(axes, x.shape.length);
      return [{ shape: axes.map((axis) => x.shape[axis]), dtype: x.dtype }];
    },
    view: (view, { axes }) => permuteView(view, axes),
    flops: () => 0,
  },
  /** x repeated along new and size-1 dimensions */
  expand: {
    kind: 'movement',
    name: 'expand',
    infer: ([x], { shape }) => {
      checkShape('expand', shape);
      if (!sameShape(broadcastShapes('expand', x.shape, shape), shape)) {
        throw new ShapeError(
          'expand',
          `${formatShape(x.shape)} does not expand to ${formatShape(shape)}: only sizes of 1 stretch.`,
          [x.shape, shape],
        );
      }
      return [{ shape, dtype: x.dtype }];
    },
    view: (view, { shape }) => expandView(view, shape),
    flops: () => 0,
  },
  /** y[i] = x[starts + i · steps] */
  slice: {
    kind: 'movement',
    name: 'slice',
    infer: ([x], { sizes }) => [{ shape: sizes, dtype: x.dtype }],
    view: (view, { starts, sizes, steps }) => sliceView(view, starts, sizes, steps),
    flops: () => 0,
  },
};

/** Assemblies: outputs that are put together from regions. */
export const assembly: {
  readonly [N in keyof AssemblyParams]: AssemblyPrimitive<AssemblyParams[N]>;
} = {
  /** x surrounded by zeros, with `interior` zeros between neighbours: the adjoint of slice */
  pad: {
    kind: 'assembly',
    name: 'pad',
    infer: ([x], { before, after, interior }) => {
      if ([...before, ...after, ...interior].some((n) => !Number.isInteger(n) || n < 0)) {
        const amounts = `before ${formatShape(before)}, after ${formatShape(after)}`;
        throw new ShapeError(
          'pad',
          `amounts must be whole numbers of at least 0: ${amounts}. Use slice to crop.`,
          [x.shape],
        );
      }
      const shape = x.shape.map(
        (n, i) => before[i] + n + Math.max(0, n - 1) * interior[i] + after[i],
      );
      return [{ shape, dtype: x.dtype }];
    },
    regions: (_inputs, { before, interior }) => [
      { starts: before, steps: interior.map((n) => n + 1) },
    ],
    covers: (_inputs, { before, after, interior }) =>
      [...before, ...after, ...interior].every((n) => n === 0),
    flops: () => 0,
  },
  /** the inputs one after the other along axis */
  concat: {
    kind: 'assembly',
    name: 'concat',
    infer: (inputs, { axis }) => [
      {
        shape: inputs[0].shape.map((n, i) =>
          i === axis ? inputs.reduce((sum, input) => sum + input.shape[axis], 0) : n,
        ),
        dtype: checkConcat(inputs, axis).dtype,
      },
    ],
    regions: (inputs, { axis }) => {
      let start = 0;
      return inputs.map(({ shape }) => {
        const region = {
          starts: shape.map((_, i) => (i === axis ? start : 0)),
          steps: shape.map(() => 1),
        };
        start += shape[axis];
        return region;
      });
    },
    covers: () => true,
    flops: () => 0,
  },
};

function checkPermutation(axes: readonly number[], rank: number): void {
  const seen = new Set(axes);
  const valid = axes.every((axis) => Number.isInteger(axis) && axis >= 0 && axis < rank);
  if (axes.length === rank && seen.size === rank && valid) return;
  throw new AxisError(
    'permute',
    `axes [${axes.join(', ')}] do not name each of the ${rank} dimensions once.`,
    axes.find((axis) => axis < 0 || axis >= rank) ?? axes.length,
    rank,
  );
}

function checkConcat(inputs: readonly TensorSpec[], axis: number): TensorSpec {
  const [first] = inputs;
  for (const [i, { shape, dtype }] of inputs.entries()) {
    const fits =
      shape.length === first.shape.length &&
      shape.every((n, d) => d === axis || n === first.shape[d]);
    if (dtype !== first.dtype) {
      throw new DTypeError(
        'concat',
        `input ${i} is ${dtype} ${formatShape(shape)}, input 0 is ${first.dtype} ${formatShape(first.shape)}: ` +
          "one dtype expected. Convert with .cast('float32').",
        [dtype, first.dtype],
      );
    }
    if (!fits) {
      throw new ShapeError(
        'concat',
        `input ${i} is ${dtype} ${formatShape(shape)}, input 0 is ${first.dtype} ${formatShape(first.shape)}: ` +
          `all must agree except in the size of axis ${axis}.`,
        inputs.map((input) => input.shape),
      );
    }
  }
  return first;
}
