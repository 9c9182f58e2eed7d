// Layer norm statistics and the gradient of layer norm, written as row formulas.

import type { Operand } from '../../../plan/kernel.ts';
import type { LayerNormParams } from '../../../composites/layer-norm.ts';
import { rowMajorStrides } from '../../../array/shape.ts';
import type { CallOperands, Lowering } from '../kernel/lowering.ts';
import { pass, type ElementFormula, type RowFold, type RowStep } from './row-formula.ts';
import { lowerRows } from './row-kernel.ts';

/**
 * The steps to the mean of a row. They average the differences to its first element, which stays exact for
 * large numbers that are close together.
 *
 * @param beside Folds that the same pass computes.
 */
function meanOf(size: number, beside: readonly RowFold[] = []): RowStep[] {
  const total: RowFold = { name: 'total', kind: 'sum', of: ([x]) => `${x} - origin` };
  return [
    { kind: 'first', name: 'origin', of: ([x]) => `finiteOrZero(${x})` },
    { kind: 'pass', folds: [total, ...beside] },
    { kind: 'value', name: 'mean', of: `origin + total / ${size}` },
  ];
}

/** The steps to `1 / √(var x + eps)` of a row. */
function scaleOf(size: number, eps: number, mean: ElementFormula): RowStep[] {
  const centered: ElementFormula = (x) => `(${x[0]} - ${mean(x)})`;
  return [
    pass('sum', 'squares', (x) => `${centered(x)} * ${centered(x)}`),
    { kind: 'value', name: 'scale', of: `1 / squareRoot(squares / ${size} + ${eps})` },
  ];
}

/** Computes mean and `1 / √(var x + eps)` of each row along the last axis, one kernel for each result. */
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
      ...meanOf(size, [{ name: 'cotangents', kind: 'sum', of: ([, cotangent]) => cotangent }]),
      ...scaleOf(size, eps, () => 'mean'),
      pass('sum', 'along', ([x, cotangent]) => `${cotangent} * ((${x} - mean) * scale)`),
    ],
    result: ([x, cotangent]) =>
      `(${cotangent} - cotangents / ${size} - (${x} - mean) * scale * (along / ${size})) * scale`,
  });
}
