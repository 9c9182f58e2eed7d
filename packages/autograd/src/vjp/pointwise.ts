// The gradient rules of arithmetic on single elements, from add to erf.

import type { Tensor } from '@tessera/tensor';
import type { PointwiseParams } from '@tessera/tensor/extend';
import { notDifferentiable, rule, type NotDifferentiable, type VjpEntry } from './rule.ts';

const comparison: NotDifferentiable = notDifferentiable('the result is bool');

/** Gradients of the pointwise primitives. Operands have equal shapes; broadcasting is the rule of expand. */
export const pointwise: { readonly [N in keyof PointwiseParams]: VjpEntry<PointwiseParams[N]> } = {
  neg: rule('y = −x', ['x̄ = −ȳ'], ([ȳ]) => [() => ȳ.neg()]),

  exp: rule('y = eˣ', ['x̄ = ȳ·y'], ([ȳ], { outputs: [y] }) => [() => ȳ.mul(y)]),

  log: rule('y = ln x', ['x̄ = ȳ/x'], ([ȳ], { inputs: [x] }) => [() => ȳ.div(x)]),

  sqrt: rule('y = √x', ['x̄ = ȳ/(2y)'], ([ȳ], { outputs: [y] }) => [() => ȳ.div(y.mul(2))]),

  sin: rule('y = sin x', ['x̄ = ȳ·cos x'], ([ȳ], { inputs: [x] }) => [() => ȳ.mul(x.cos())]),

  cos: rule('y = cos x', ['x̄ = −ȳ·sin x'], ([ȳ], { inputs: [x] }) => [() => ȳ.mul(x.sin()).neg()]),

  tanh: rule('y = tanh x', ['x̄ = ȳ·(1 − y²)'], ([ȳ], { outputs: [y] }) => [
    () => ȳ.mul(y.square().neg().add(1)),
  ]),

  sigmoid: rule('y = σ(x)', ['x̄ = ȳ·y·(1 − y)'], ([ȳ], { outputs: [y] }) => [
    () => ȳ.mul(y).mul(y.neg().add(1)),
  ]),

  // farther out exp(−x²) is 0, and x² would overflow
  erf: rule('y = erf x', ['x̄ = ȳ·2/√π·exp(−x²)'], ([ȳ], { inputs: [x] }) => [
    () => {
      const near = x.abs().greater(20).where(20, x);
      return ȳ.mul(near.square().neg().exp().mul(2 / Math.sqrt(Math.PI))); // prettier-ignore
    },
  ]),

  floor: notDifferentiable('piecewise constant: the gradient is 0 wherever it exists'),

  round: notDifferentiable('piecewise constant: the gradient is 0 wherever it exists'),

  add: rule('y = a + b', ['ā = ȳ', 'b̄ = ȳ'], ([ȳ]) => [() => ȳ, () => ȳ]),

  sub: rule('y = a − b', ['ā = ȳ', 'b̄ = −ȳ'], ([ȳ]) => [() => ȳ, () => ȳ.neg()]),

  mul: rule('y = a·b', ['ā = ȳ·b', 'b̄ = ȳ·a'], ([ȳ], { inputs: [a, b] }) => [
    () => ȳ.mul(b),
    () => ȳ.mul(a),
  ]),

  div: rule('y = a/b', ['ā = ȳ/b', 'b̄ = −ȳ·y/b'], ([ȳ], { inputs: [, b], outputs: [y] }) => [
    () => ȳ.div(b),
    () => ȳ.mul(y).div(b).neg(),
  ]),

  pow: rule(
    'y = aᵇ',
    ['ā = ȳ·b·aᵇ⁻¹ (0 where b = 0)', 'b̄ = ȳ·y·ln a (0 where a = 0 and b ≥ 0)'],
    ([ȳ], { inputs: [a, b], outputs: [y] }) => [
      () => {
        const constant = b.equal(0);
        const power = a.pow(constant.where(1, b.sub(1))); // no 0⁻¹ on the side that `where` drops
        return constant.where(0, ȳ.mul(b).mul(power));
      },
      () => {
        const flat = a.equal(0).and(b.greaterEqual(0));
        return ȳ.mul(y).mul(flat.where(1, a).log());
      },
    ],
  ),

  mod: rule('y = a mod b', ['ā = ȳ', 'b̄ = −ȳ·⌊a/b⌋'], ([ȳ], { inputs: [a, b] }) => [
    () => ȳ,
    () => ȳ.mul(a.div(b).floor()).neg(),
  ]),

  atan2: rule(
    'y = atan2(a, b)',
    ['ā = ȳ·b/(a² + b²)', 'b̄ = −ȳ·a/(a² + b²) (both 0 where a = b = 0)'],
    ([ȳ], { inputs: [a, b] }) => {
      // 1/r = larger/(a² + b²), then smaller/larger · 1/r: so no square leaves the range of float32
      const isFlat = a.abs().lessEqual(b.abs());
      const larger = isFlat.where(b, a);
      const isOrigin = larger.equal(0);
      const divisor = isOrigin.where(1, larger);
      const ratio = isFlat.where(a, b).div(divisor);
      const inverse = ȳ.div(divisor.mul(ratio.square().add(1)));
      const part = (isOne: Tensor): Tensor =>
        isOrigin.where(0, isOne.where(inverse, inverse.mul(ratio)));
      return [() => part(isFlat), () => part(isFlat.not()).neg()];
    },
  ),

  maximum: rule(
    'y = max(a, b)',
    ['ā = ȳ·[a > b] + ½ȳ·[a = b]', 'b̄ = ȳ·[b > a] + ½ȳ·[a = b]'],
    ([ȳ], { inputs: [a, b] }) => [
      () => a.less(b).where(0, a.equal(b).where(ȳ.mul(0.5), ȳ)),
      () => b.less(a).where(0, a.equal(b).where(ȳ.mul(0.5), ȳ)),
    ],
  ),

  less: comparison,
  lessEqual: comparison,
  equal: comparison,

  where: rule('y = c ? a : b', [null, 'ā = c ? ȳ : 0', 'b̄ = c ? 0 : ȳ'], ([ȳ], { inputs: [c] }) => [
    null,
    () => c.where(ȳ, 0),
    () => c.where(0, ȳ),
  ]),

  // int32 and bool carry no gradient, since the recorder follows only float32
  cast: rule('y = x as another dtype', ['x̄ = ȳ'], ([ȳ]) => [() => ȳ]),
};
