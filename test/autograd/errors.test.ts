import { ones, tensor, type Tensor } from '@tessera/tensor';
import {
  customVjp,
  explain,
  grad,
  gradcheck,
  hvp,
  jacobian,
  record,
  valueAndGrad,
  vjp,
} from '@tessera/autograd';
import { describe, expect, it } from 'vitest';
import { refusals, wrong } from '../refusals.ts';

const ints = tensor([1, 2], { dtype: 'int32' });
const x = ones([2, 3]);

/** Calls that make no sense, each of which must say so. */
const calls: readonly (() => unknown)[] = [
  () => vjp((y: Tensor) => y.exp(), x).pullback(ones([3])),
  () => vjp((y: Tensor) => [y.exp(), y], x).pullback([x]),
  () => vjp((y: Tensor) => y.exp(), x).pullback(x.cast('int32')),
  () => vjp((y: Tensor) => Promise.resolve(y), x),
  () => vjp(wrong(3), x),
  () => grad((y: Tensor) => y)(x),
  () => grad((y: Tensor) => y.sum().cast('int32'))(x),
  () => grad((() => 3) as never)(x),
  () => grad((y: Tensor) => y.sum(), wrong(1))(x),
  () => grad((y: Tensor) => y.sum(), wrong(0.5))(x),
  () =>
    valueAndGrad(
      wrong((y: Tensor) => y.sum()),
      { hasAux: true },
    )(x),
  () => valueAndGrad((y: Tensor) => y.sum(), wrong({ argnum: 0 })),
  () => jacobian((y: Tensor) => y, wrong({ argnum: 0 })),
  () => grad(wrong('f'))(x),
  () => record(wrong('f'), x),
  () => jacobian((y: Tensor) => y)(ints),
  () => jacobian((y: Tensor) => y.cast('int32'))(x),
  () => hvp((y: Tensor) => y.sum(), x, ones([2])),
  () => hvp((y: Tensor) => y, x, x),
  () =>
    grad(
      customVjp(
        (y: Tensor) => y.sum(),
        wrong(() => []),
      ),
    )(x),
  () =>
    grad(
      customVjp(
        (y: Tensor) => y.sum(),
        (c) => [c],
      ),
    )(x),
  () =>
    grad((w: Tensor) =>
      customVjp(
        (y: Tensor) => y.mul(w).sum(),
        (c) => [c.expand([2, 3])],
      )(x),
    )(x),
  () => explain((y: Tensor) => y.sum(), [x], { path: '7' }),
  () => explain((y: Tensor) => y, [x]),
  () => gradcheck((y: Tensor) => y, [x], { step: 0 }),
  () => gradcheck((y: Tensor) => y, [x], { step: NaN }),
  () => gradcheck((y: Tensor) => y, [x], { tolerance: -1 }),
  () => gradcheck((y: Tensor) => y, [x], { directions: 0 }),
  () => gradcheck((y: Tensor) => y, [x], { order: wrong(3) }),
  () => gradcheck((y: Tensor) => y, [x], { seed: -1 }),
];

describe('functions of functions', () => {
  it('refuse what makes no sense, and say what clashes', async () => {
    expect(await refusals(calls)).toMatchInlineSnapshot(`
      "ShapeError: vjp: a cotangent is like its value: value 0 is float32[2, 3], the cotangent is float32[3].
      StateError: vjp: the cotangent has 1 tensors, but the value has 2. Pass a tree of the structure of the value.
      ShapeError: vjp: a cotangent is like its value: value 0 is float32[2, 3], the cotangent is int32[2, 3].
      StateError: grad: the function returned a Promise, but it must be synchronous. Read values with await outside of it.
      ValueError: vjp: takes a function, but got 3.
      ShapeError: grad: the loss must be a scalar, but has shape [2, 3]. Reduce it, e.g. with .mean().
      DTypeError: grad: the loss must be float32, but is int32: it has no gradient.
      StateError: grad: the function must return a tensor, but returned number. To return more than the loss, use valueAndGrad with hasAux.
      ValueError: grad: argnum 1 (counted from 0) is none of 1 arguments.
      ValueError: grad: argnum 0.5 (counted from 0) is none of 1 arguments.
      StateError: grad: with hasAux the function must return [loss, aux].
      ValueError: valueAndGrad: there is no option 'argnum'. Options are argnums, hasAux.
      ValueError: jacobian: there is no option 'argnum'. Options are argnums.
      ValueError: grad: takes a function, but got 'f'.
      ValueError: record: takes a function, but got 'f'.
      DTypeError: jacobian: the argument must be float32, but is int32: it has no gradient.
      DTypeError: jacobian: the value must be float32, but is int32: it has no gradient.
      ShapeError: hvp: v is like x: tensor 0 of x is float32[2, 3], of v float32[2].
      ShapeError: grad: the loss must be a scalar, but has shape [2, 3]. Reduce it, e.g. with .mean().
      StateError: customVjp: the rule must return an array of 1 cotangents, one for each argument, but returned 0. Put null where no gradient flows.
      ShapeError: customVjp: a cotangent must have the shape and dtype of its argument: argument 0 is float32[2, 3], the rule gives float32[].
      StateError: customVjp: the function reads float32[2, 3], which a gradient follows, from outside, and its rule has no place for the cotangent. Make it an argument, or read stopGradient(…) of it.
      ValueError: explain: no trained parameter at 7. The trained parameters are 0.
      ShapeError: explain: the loss must be a scalar, but has shape [2, 3]. Reduce it, e.g. with .mean().
      ValueError: gradcheck: step must be finite and above 0, but is 0.
      ValueError: gradcheck: step must be finite and above 0, but is NaN.
      ValueError: gradcheck: tolerance must be at least 0, but is -1.
      ValueError: gradcheck: directions must be a whole number of at least 1, but is 0.
      ValueError: gradcheck: order must be 1 or 2, but is 3.
      ValueError: key: a seed is a whole number from 0 to 2^53 - 1, but got -1."
    `);
  });
});
