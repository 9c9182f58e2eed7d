// Softmax, logSoftmax, logSumExp and the gradient of softmax, written as row formulas.

import type { SoftmaxParams } from '../../../composites/softmax.ts';
import type { CallOperands, Lowering } from '../kernel/lowering.ts';
import { pass, type RowFormula, type RowStep } from './row-formula.ts';
import { lowerRows } from './row-kernel.ts';

/** `y = e^(s·x − max s·x) / Σ e^(s·x − max s·x)`, with s a factor of the input (default 1). */
export function softmaxFormula(scale = 1): RowFormula {
  const scaled = (x: string): string => (scale === 1 ? x : `${x} * (${scale})`);
  const exponential = ([x]: readonly string[]): string => `exponential(${scaled(x)} - peak)`;
  return {
    name: 'softmax',
    steps: [pass('max', 'peak', ([x]) => scaled(x)), pass('sum', 'sum', exponential)],
    result: (x) => `${exponential(x)} / sum`,
  };
}

/** `x̄ = s · y · (ȳ − Σ ȳ·y)` of y and ȳ, with s a factor of the result (default 1). */
export function softmaxGradFormula(scale = 1): RowFormula {
  return {
    name: 'softmaxGrad',
    steps: [pass('sum', 'along', ([y, cotangent]) => `${cotangent} * ${y}`)],
    result: ([y, cotangent]) => {
      const gradient = `${y} * (${cotangent} - along)`;
      return scale === 1 ? gradient : `${gradient} * (${scale})`;
    },
  };
}

/** Two steps: the largest x (0 if it is not finite), then `Σ e^(x − largest)`. */
const sumOfExponentials: readonly RowStep[] = [
  pass('max', 'peak', ([x]) => x),
  { kind: 'value', name: 'finite', of: 'finiteOrZero(peak)' },
  pass('sum', 'sum', ([x]) => `exponential(${x} - finite)`),
];

/** `y = softmax(x)` along an axis. */
export function lowerSoftmax(
  lowering: Lowering,
  operands: CallOperands,
  params: SoftmaxParams,
): void {
  lowerAlong(lowering, operands, params, softmaxFormula());
}

/** The gradient of softmax, computed from its result. */
export function lowerSoftmaxGrad(
  lowering: Lowering,
  operands: CallOperands,
  params: SoftmaxParams,
): void {
  lowerAlong(lowering, operands, params, softmaxGradFormula());
}

/** `y = ln Σ e^x` along an axis, which disappears. */
export function lowerLogSumExp(
  lowering: Lowering,
  operands: CallOperands,
  params: SoftmaxParams,
): void {
  lowerAlong(lowering, operands, params, {
    name: 'logSumExp',
    steps: sumOfExponentials,
    result: () => 'logarithm(sum) + finite',
  });
}

/** `y = x − ln Σ e^x` along an axis. */
export function lowerLogSoftmax(
  lowering: Lowering,
  operands: CallOperands,
  params: SoftmaxParams,
): void {
  lowerAlong(lowering, operands, params, {
    name: 'logSoftmax',
    steps: sumOfExponentials,
    result: ([x]) => `${x} - finite - logarithm(sum)`,
  });
}

function lowerAlong(
  lowering: Lowering,
  { inputs, outputs }: CallOperands,
  { axis }: SoftmaxParams,
  formula: RowFormula,
): void {
  lowerRows(lowering, inputs, axis, outputs[0], formula);
}
