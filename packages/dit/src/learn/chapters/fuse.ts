// The exercises of chapter 7 of the tour, with their solutions.

import { compile, tensor, zeros, type Tensor } from '@tessera/tensor';
import type { Answer, Chapter } from '../exercise.ts';

/** The number of kernels in the plan of a function of one tensor; `undefined` if it gives nothing. */
function kernels(f: Answer, x: Tensor): number | undefined {
  if (f(x) === undefined) return undefined;
  const { plan } = compile((argument: Tensor) => f(argument) as Tensor).stages(x);
  return Number(/plan: (\d+)/.exec(plan)?.[1]);
}

const rows = [
  [1, 3],
  [2, 8],
];

/** Chapter 7: kernels. */
export const fuse: Chapter = {
  title: 'Fusion',
  question: 'How do many operations become one loop?',
  imports: [`import { compile } from '@tessera/tensor';`],
  exercises: [
    {
      name: 'countKernels',
      task: 'Given a function `f` of one tensor and a tensor `x`, give the number of kernels in the plan of `f` for `x`, as a number.',
      stub: 'export function countKernels(f, x) {}',
      hint: 'The first line of `compile(f).stages(x).plan` says it.',
      solution: `export function countKernels(f, x) {
  return Number(/\\d+/.exec(compile(f).stages(x).plan)[0]);
}`,
      trials: () => [
        {
          call: 'countKernels((x) => x.sin().exp(), zeros([4]))',
          run: (f) => f((x: Tensor) => x.sin().exp(), zeros([4])),
          expected: 1,
        },
        {
          call: 'countKernels((x) => x.div(x.sum()).exp().sum(), zeros([4]))',
          run: (f) => f((x: Tensor) => x.div(x.sum()).exp().sum(), zeros([4])),
          expected: 2,
        },
      ],
    },
    {
      name: 'logCosh',
      task: 'Write ln cosh x = |x| + ln(1 + e^(−2|x|)) − ln 2, element by element, as the right side has it: so it overflows nowhere, and it is one kernel.',
      stub: 'export function logCosh(x) {}',
      hint: 'Give |x| a name and use it twice; the kernel does so too.',
      solution: `export function logCosh(x) {
  const size = x.abs();
  return size.add(size.mul(-2).exp().add(1).log()).sub(Math.LN2);
}`,
      trials: () => [
        {
          call: 'logCosh(tensor([0, -1, 1000]))',
          run: (f) => f(tensor([0, -1, 1000])),
          expected: [0, Math.log(Math.cosh(1)), 1000 - Math.LN2],
        },
        {
          call: 'the number of kernels of logCosh',
          run: (f) => kernels(f, zeros([8])),
          expected: 1,
        },
      ],
    },
    {
      name: 'spread',
      task: 'Given `x` of shape [m, n], give for each row the mean of the squares of its deviations from the mean of the row, of shape [m]. Use `sum`, not `variance`, so that the plan has two kernels: one gives the means, the other does all the rest.',
      stub: 'export function spread(x) {}',
      hint: 'A reduction ends a loop, and what comes before it is computed on the way in. So divide by n before each sum, not after it.',
      solution: `export function spread(x) {
  const n = x.shape[1];
  const mean = x.div(n).sum(1, { keepDims: true });
  return x.sub(mean).square().div(n).sum(1);
}`,
      trials: () => [
        {
          call: 'spread(tensor([[1, 3], [2, 8]]))',
          run: (f) => f(tensor(rows)),
          expected: [1, 9],
        },
        {
          call: 'the number of kernels of spread',
          run: (f) => kernels(f, zeros([4, 6])),
          expected: 2,
        },
      ],
    },
  ],
};
