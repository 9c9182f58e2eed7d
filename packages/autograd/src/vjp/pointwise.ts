import type { PrimitiveParams } from '@tessera/tensor/extend';
import { notDifferentiable, type NotDifferentiable, type VjpEntry } from './rule.ts';

type PointwiseName =
  | 'neg'
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'sin'
  | 'cos'
  | 'tanh'
  | 'sigmoid'
  | 'erf'
  | 'floor'
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'pow'
  | 'maximum'
  | 'less'
  | 'lessEqual'
  | 'equal'
  | 'where'
  | 'cast';

const comparison: NotDifferentiable = notDifferentiable('the result is bool');

/** Gradients of the pointwise primitives. Operands have equal shapes; broadcasting is the rule of expand. */
export const pointwise: { readonly [N in PointwiseName]: VjpEntry<PrimitiveParams[N]> } = {
  // y = −x ⇒ x̄ = −ȳ
  neg: ([ȳ]) => [() => ȳ.neg()],

  // y = eˣ ⇒ x̄ = ȳ·y
  exp: ([ȳ], { outputs: [y] }) => [() => ȳ.mul(y)],

  // y = ln x ⇒ x̄ = ȳ/x
  log: ([ȳ], { inputs: [x] }) => [() => ȳ.div(x)],

  // y = √x ⇒ x̄ = ȳ/(2y)
  sqrt: ([ȳ], { outputs: [y] }) => [() => ȳ.div(y.mul(2))],

  // y = sin x ⇒ x̄ = ȳ·cos x
  sin: ([ȳ], { inputs: [x] }) => [() => ȳ.mul(x.cos())],

  // y = cos x ⇒ x̄ = −ȳ·sin x
  cos: ([ȳ], { inputs: [x] }) => [() => ȳ.mul(x.sin()).neg()],

  // y = tanh x ⇒ x̄ = ȳ·(1 − y²)
  tanh: ([ȳ], { outputs: [y] }) => [() => ȳ.mul(y.square().neg().add(1))],

  // y = σ(x) ⇒ x̄ = ȳ·y·(1 − y)
  sigmoid: ([ȳ], { outputs: [y] }) => [() => ȳ.mul(y).mul(y.neg().add(1))],

  // y = erf x ⇒ x̄ = ȳ·2/√π·exp(−x²)
  erf: ([ȳ], { inputs: [x] }) => [
    () =>
      ȳ.mul(
        x
          .square()
          .neg()
          .exp()
          .mul(2 / Math.sqrt(Math.PI)),
      ),
  ],

  floor: notDifferentiable('piecewise constant: the gradient is 0 wherever it exists'),

  // y = a + b ⇒ ā = ȳ, b̄ = ȳ
  add: ([ȳ]) => [() => ȳ, () => ȳ],

  // y = a − b ⇒ ā = ȳ, b̄ = −ȳ
  sub: ([ȳ]) => [() => ȳ, () => ȳ.neg()],

  // y = a·b ⇒ ā = ȳ·b, b̄ = ȳ·a
  mul: ([ȳ], { inputs: [a, b] }) => [() => ȳ.mul(b), () => ȳ.mul(a)],

  // y = a/b ⇒ ā = ȳ/b, b̄ = −ȳ·y/b
  div: ([ȳ], { inputs: [, b], outputs: [y] }) => [() => ȳ.div(b), () => ȳ.mul(y).div(b).neg()],

  // y = aᵇ ⇒ ā = ȳ·b·aᵇ⁻¹ (0 where b = 0), b̄ = ȳ·y·ln a (0 where a = 0 and b ≥ 0)
  pow: ([ȳ], { inputs: [a, b], outputs: [y] }) => [
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

  // y = max(a, b) ⇒ ā = ȳ·[a > b] + ½ȳ·[a = b], b̄ = ȳ·[b > a] + ½ȳ·[a = b]
  maximum: ([ȳ], { inputs: [a, b] }) => [
    () => a.less(b).where(0, a.equal(b).where(ȳ.mul(0.5), ȳ)),
    () => b.less(a).where(0, a.equal(b).where(ȳ.mul(0.5), ȳ)),
  ],

  less: comparison,
  lessEqual: comparison,
  equal: comparison,

  // y = c ? a : b ⇒ ā = c ? ȳ : 0, b̄ = c ? 0 : ȳ
  where: ([ȳ], { inputs: [c] }) => [null, () => c.where(ȳ, 0), () => c.where(0, ȳ)],

  // y = x as another dtype ⇒ x̄ = ȳ between float dtypes; int32 and bool carry no gradient
  cast: ([ȳ]) => [() => ȳ],
};
