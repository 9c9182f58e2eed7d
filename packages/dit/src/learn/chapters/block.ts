// The exercises of chapter 10 of the tour, with their solutions.

import { tensor, zeros, type Tensor } from '@tessera/tensor';
import type { Chapter } from '../exercise.ts';

/** Chapter 10: a block, from code to memory. */
export const block: Chapter = {
  title: 'A block, all the way',
  question: 'What becomes of one block of a Diffusion Transformer?',
  imports: [
    `import { compile } from '@tessera/tensor';`,
    `import { grad } from '@tessera/autograd';`,
  ],
  exercises: [
    {
      name: 'modulated',
      task: 'Given tokens `x` [B, T, D] and a `shift` and a `scale` [B, D], give x · (1 + scale) + shift, with the same two vectors for every token of an image.',
      stub: 'export function modulated(x, shift, scale) {}',
      hint: '`unsqueeze(1)` makes [B, 1, D] of [B, D], which broadcasts over the tokens.',
      solution: `export function modulated(x, shift, scale) {
  return x.mul(scale.add(1).unsqueeze(1)).add(shift.unsqueeze(1));
}`,
      trials: () => [
        {
          call: 'modulated(tensor([[[1, 2], [3, 4]]]), tensor([[10, 20]]), tensor([[1, 0]]))',
          run: (f) => f(tensor([[[1, 2], [3, 4]]]), tensor([[10, 20]]), tensor([[1, 0]])), // prettier-ignore
          expected: [[[12, 22], [16, 24]]], // prettier-ignore
        },
      ],
    },
    {
      name: 'gateGradient',
      task: 'Given a function `branch` of one tensor, a tensor `x` and a `gate` of its shape, give the gradient of the sum of x + gate · branch(x) with respect to the gate.',
      stub: 'export function gateGradient(branch, x, gate) {}',
      hint: 'Write the sum as a function of the gate alone, and hand it to `grad`.',
      solution: `export function gateGradient(branch, x, gate) {
  return grad((g) => x.add(g.mul(branch(x))).sum())(gate);
}`,
      trials: () => [
        {
          call: 'gateGradient((x) => x.mul(3), tensor([1, -2]), tensor([0, 0]))',
          run: (f) => f((x: Tensor) => x.mul(3), tensor([1, -2]), tensor([0, 0])),
          expected: [3, -6],
        },
      ],
    },
    {
      name: 'kernelCount',
      task: 'Given a function `f` and its arguments, give the number of kernels in its plan for them.',
      stub: 'export function kernelCount(f, ...args) {}',
      hint: 'The first line of the plan says it: `plan: 14 kernels`.',
      solution: `export function kernelCount(f, ...args) {
  return Number(/(\\d+) kernel/.exec(compile(f).stages(...args).plan)[1]);
}`,
      trials: () => [
        {
          call: 'kernelCount((x) => x.sin().mul(2), zeros([8]))',
          run: (f) => f((x: Tensor) => x.sin().mul(2), zeros([8])),
          expected: 1,
        },
        {
          call: 'kernelCount((x) => x.sub(x.max()), zeros([8]))',
          run: (f) => f((x: Tensor) => x.sub(x.max()), zeros([8])),
          expected: 2,
        },
      ],
    },
  ],
};
