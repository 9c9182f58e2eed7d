import type { Operand } from '../../compile/kernel.ts';
import type { LayerNormParams } from '../../composites/layer-norm.ts';
import { rowMajorStrides } from '../../shape.ts';
import type { CallOperands, Lowering } from './lowering.ts';
import type { RowStep } from './row-formula.ts';
import { lowerRows } from './row-kernel.ts';

/**
 * The mean of a row. What is left of the elements without the rounded mean has a mean too, which is
 * added: rows whose numbers are large and close together need it. Where the mean is infinite, nothing is
 * left to add.
 */
function meanOf(size: number): RowStep[] {
  return [
    { name: 'total', kind: 'sum', of: ([x]) => x },
    { name: 'rough', kind: 'value', of: () => `total / ${size}` },
    { name: 'left', kind: 'sum', of: ([x]) => `${x} - rough` },
    { name: 'mean', kind: 'value', of: () => `rough + finiteOrZero(left / ${size})` },
  ];
}

/** `1 / √(var x + eps)` of a row. */
function scaleOf(size: number, eps: number, mean: (x: readonly string[]) => string): RowStep[] {
  return [
    {
      name: 'squares',
      kind: 'sum',
      of: (x) => `(${x[0]} - ${mean(x)}) * (${x[0]} - ${mean(x)})`,
    },
    { name: 'scale', kind: 'value', of: () => `1 / squareRoot(squares / ${size} + ${eps})` },
  ];
}

/** The mean and `1 / √(var x + eps)` of each row along the last axis: two kernels, as each has one result. */
export function lowerLayerNormStatistics(
  lowering: Lowering,
  { inputs: [x], outputs: [means, scales] }: CallOperands,
  { eps }: LayerNormParams,
): void {
  const { shape } = x.view;
  const axis = shape.length - 1;
  lowerRows(lowering, [x], axis, means, {
    name: 'layerNormMean',
    steps: meanOf(shape[axis]),
    result: () => 'mean',
  });
  const strides = [...rowMajorStrides(shape.slice(0, -1)), 0];
  const mean: Operand = { ...means, view: { shape, strides, offset: means.view.offset } };
  lowerRows(lowering, [x, mean], axis, scales, {
    name: 'layerNormScale',
    steps: scaleOf(shape[axis], eps, (elements) => elements[1]),
    result: () => 'scale',
  });
}

/** `x̄ = (ȳ − mean ȳ − y · mean(ȳ·y)) / √(var x + eps)` over the last axis. */
export function lowerLayerNormGrad(
  lowering: Lowering,
  { inputs, outputs: [output] }: CallOperands,
  { eps }: LayerNormParams,
): void {
  const { shape } = inputs[0].view;
  const axis = shape.length - 1;
  const size = shape[axis];
  lowerRows(lowering, inputs, axis, output, {
    name: 'layerNormGrad',
    steps: [
      ...meanOf(size),
      ...scaleOf(size, eps, () => 'mean'),
      { name: 'cotangents', kind: 'sum', of: ([, cotangent]) => cotangent },
      {
        name: 'along',
        kind: 'sum',
        of: ([x, cotangent]) => `${cotangent} * ((${x} - mean) * scale)`,
      },
    ],
    result: ([x, cotangent]) =>
      `(${cotangent} - cotangents / ${size} - (${x} - mean) * scale * (along / ${size})) * scale`,
  });
}
