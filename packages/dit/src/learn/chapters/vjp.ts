// The exercises of chapter 4 of the tour, with their solutions.

import { scalar, tensor, type Tensor } from '@tessera/tensor';
import { grad } from '@tessera/autograd';
import type { Chapter } from '../exercise.ts';

/** A right factor of a product with a row of two elements. */
const columns = [
  [1, 0, 2],
  [0, 3, 0],
];

/** Chapter 4: rules by hand. */
export const vjp: Chapter = {
  title: 'Vector-Jacobian products',
  question: 'What flows back, and by which rules?',
  imports: [`import { customVjp, grad } from '@tessera/autograd';`],
  exercises: [
    {
      name: 'sigmoidVjp',
      task: 'Let y = 1 / (1 + e⁻ˣ). Given the cotangent `ȳ` and the result `y`, give the cotangent of x.',
      stub: 'export function sigmoidVjp(ȳ, y) {}',
      hint: 'The derivative is y·(1 − y). The operation works element by element, so its Jacobian is diagonal.',
      solution: `export function sigmoidVjp(ȳ, y) {
  return ȳ.mul(y).mul(y.neg().add(1));
}`,
      trials: () => [
        {
          call: 'sigmoidVjp(tensor([1, 2]), tensor([0.5, 0.1]))',
          run: (f) => f(tensor([1, 2]), tensor([0.5, 0.1])),
          expected: [0.25, 0.18],
        },
      ],
    },
    {
      name: 'biasVjp',
      task: 'Let y = x + b, where `x` has shape [m, n] and the bias b has shape [n]. Given the cotangent `ȳ` of y, give the cotangent of b.',
      stub: 'export function biasVjp(ȳ) {}',
      hint: 'Each element of b is read m times. The gradient of `expand` is a sum.',
      solution: `export function biasVjp(ȳ) {
  return ȳ.sum(0);
}`,
      trials: () => [
        {
          call: 'biasVjp(tensor([[1, 0, 2], [0, 3, 0]]))',
          run: (f) => f(tensor(columns)),
          expected: [1, 3, 2],
        },
      ],
    },
    {
      name: 'matmulVjp',
      task: 'Let y = a · b be a product of matrices. Given the cotangent `ȳ` and `a` and `b`, give the array `[ā, b̄]` of their cotangents.',
      stub: 'export function matmulVjp(ȳ, a, b) {}',
      hint: 'Only one order of factors and transposes has the shapes of a and of b.',
      solution: `export function matmulVjp(ȳ, a, b) {
  return [ȳ.matmul(b.transpose()), a.transpose().matmul(ȳ)];
}`,
      trials: () => [
        {
          call: 'matmulVjp(tensor([[1, 1, 2]]), tensor([[5, 7]]), tensor([[1, 0, 2], [0, 3, 0]]))',
          run: (f) => f(tensor([[1, 1, 2]]), tensor([[5, 7]]), tensor(columns)),
          expected: [
            [[5, 3]],
            [
              [5, 5, 10],
              [7, 7, 14],
            ],
          ],
        },
      ],
    },
    {
      name: 'reverse',
      task: 'Make `reverse` with `customVjp`: a function that gives its argument as it is, and whose gradient is that of the identity times −1. Put in front of a layer, it makes the weights before it work against the loss.',
      stub: 'export const reverse = undefined;',
      hint: '`customVjp(f, rule)`: the rule is given ȳ and gives an array of one cotangent for each argument.',
      solution: `export const reverse = customVjp(
  (x) => x,
  (ȳ) => [ȳ.neg()],
);`,
      trials: () => [
        { call: 'reverse(scalar(3))', run: (f) => f(scalar(3)), expected: 3 },
        {
          call: 'grad((x) => reverse(x).square())(scalar(3))',
          run: (f) => grad((x: Tensor) => (f(x) as Tensor).square())(scalar(3)),
          expected: -6,
        },
      ],
    },
  ],
};
