// The exercises of chapter 5 of the tour, with their solutions.

import { scalar, tensor, type Tensor } from '@tessera/tensor';
import type { Answer, Chapter } from '../exercise.ts';

const cubes = (x: Tensor): Tensor => x.pow(3).sum();
const quartic = (x: Tensor): Tensor => x.pow(4).sub(x.mul(4));

/** Chapter 5: gradients of gradients. */
export const secondOrder: Chapter = {
  title: 'Second order',
  question: 'What is the gradient of a gradient?',
  imports: [`import { grad, hvp, jacobian, jvp } from '@tessera/autograd';`],
  exercises: [
    {
      name: 'nth',
      task: 'Given a function `f` of one scalar and a whole number `n` from 0, give the function that is the n-th derivative of `f`.',
      stub: 'export function nth(f, n) {}',
      hint: '`grad` takes a function and gives a function, so it can be applied in a loop.',
      solution: `export function nth(f, n) {
  return n === 0 ? f : nth(grad(f), n - 1);
}`,
      trials: () =>
        [4, 12, 24].map((expected, i) => ({
          call: `nth((x) => x.pow(4), ${i + 1})(scalar(1))`,
          run: (f) => {
            const derivative = f((x: Tensor) => x.pow(4), i + 1) as Answer | undefined;
            return derivative?.(scalar(1));
          },
          expected,
        })),
    },
    {
      name: 'curvature',
      task: 'Given a function `f` from a vector to a scalar, a point `x` and a direction `v`, give the scalar vᵀ H v, where H is the matrix of second derivatives of `f` at `x`. Do not build H.',
      stub: 'export function curvature(f, x, v) {}',
      hint: '`hvp` gives H v.',
      solution: `export function curvature(f, x, v) {
  return hvp(f, x, v).mul(v).sum();
}`,
      trials: () => [
        {
          call: 'curvature((x) => x.pow(3).sum(), tensor([1, 2]), tensor([1, -1]))',
          run: (f) => f(cubes, tensor([1, 2]), tensor([1, -1])),
          expected: 18,
        },
      ],
    },
    {
      name: 'newton',
      task: 'Given a function `f` of one scalar and a point `x`, give the point to which one step of Newton leads from `x` in search of a minimum: x − f′(x) / f″(x).',
      stub: 'export function newton(f, x) {}',
      hint: 'Name the first derivative: `const slope = grad(f)`. It has a gradient too.',
      solution: `export function newton(f, x) {
  const slope = grad(f);
  return x.sub(slope(x).div(grad(slope)(x)));
}`,
      trials: () => [
        {
          call: 'newton((x) => x.pow(4).sub(x.mul(4)), scalar(2))',
          run: (f) => f(quartic, scalar(2)),
          expected: 2 - 28 / 48,
        },
        {
          call: 'newton((x) => x.sub(3).square(), scalar(-10))',
          run: (f) => f((x: Tensor) => x.sub(3).square(), scalar(-10)),
          expected: 3,
        },
      ],
    },
    {
      name: 'push',
      task: 'Given a function `f` from a vector to a scalar, a point `x` and a direction `v`, give H v with one `jvp`, and without `hvp`.',
      stub: 'export function push(f, x, v) {}',
      hint: 'H is the Jacobian of the gradient.',
      solution: `export function push(f, x, v) {
  return jvp(grad(f), [x], [v]).tangent;
}`,
      trials: () => [
        {
          call: 'push((x) => x.pow(3).sum(), tensor([1, 2]), tensor([1, -1]))',
          run: (f) => f(cubes, tensor([1, 2]), tensor([1, -1])),
          expected: [6, -12],
        },
      ],
    },
  ],
};
