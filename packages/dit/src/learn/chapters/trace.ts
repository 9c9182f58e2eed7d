// The exercises of chapter 6 of the tour, with their solutions.

import { compile, scalar, tensor, type Tensor } from '@tessera/tensor';
import type { Chapter } from '../exercise.ts';

const twice = (x: Tensor): Tensor => x.mul(2).add(x.mul(2)).mul(1);
const once = (x: Tensor): Tensor => {
  const double = x.mul(2);
  return double.add(double);
};

/** Chapter 6: programs. */
export const trace: Chapter = {
  title: 'Tracing',
  question: 'How does a function become a program?',
  imports: [`import { compile, scalar } from '@tessera/tensor';`],
  exercises: [
    {
      name: 'absolute',
      task: 'Write |x| with `neg` and a condition, so that it can be compiled: `x` has a shape and no values while it is traced.',
      stub: 'export function absolute(x) {}',
      hint: 'A condition is a tensor of bools, and `where` chooses by it.',
      solution: `export function absolute(x) {
  return x.less(0).where(x.neg(), x);
}`,
      trials: () => [
        {
          call: 'compile(absolute)(tensor([-2, 0, 3]))',
          run: (f) => f(tensor([1])) && compile((x: Tensor) => f(x) as Tensor)(tensor([-2, 0, 3])),
          expected: [2, 0, 3],
        },
      ],
    },
    {
      name: 'isSame',
      task: 'Given two functions `f` and `g` of one tensor, and a tensor `x`, tell by true or false whether the compiler makes the same simplified program of both.',
      stub: 'export function isSame(f, g, x) {}',
      hint: '`compile(f).stages(x)` has the program of each stage as text.',
      solution: `export function isSame(f, g, x) {
  return compile(f).stages(x).simplified === compile(g).stages(x).simplified;
}`,
      trials: () => [
        {
          call: 'isSame((x) => x.mul(2).add(x.mul(2)).mul(1), (x) => { const y = x.mul(2); return y.add(y); }, scalar(1))',
          run: (f) => f(twice, once, scalar(1)),
          expected: true,
        },
        {
          call: 'isSame((x) => x.mul(2), (x) => x.add(x), scalar(1))',
          run: (f) =>
            f(
              (x: Tensor) => x.mul(2),
              (x: Tensor) => x.add(x),
              scalar(1),
            ),
          expected: false,
        },
      ],
    },
    {
      name: 'withRates',
      task: 'Given a compiled function `step(w, rate)` and an array `rates` of numbers, call it once for each rate, in order, beginning with `scalar(1)` for `w` and going on with what it gave. Give the last `w`. The function must be traced once only, however many rates there are.',
      stub: 'export function withRates(step, rates) {}',
      hint: 'A number among the arguments is fixed in the program. What must a rate be to change from call to call?',
      solution: `export function withRates(step, rates) {
  return rates.reduce((w, rate) => step(w, scalar(rate)), scalar(1));
}`,
      trials: () => {
        let traces = 0;
        const step = compile((w: Tensor, rate: Tensor | number) => {
          traces++;
          return w.sub(w.mul(rate));
        });
        return [
          {
            call: 'withRates(step, [0.5, 0.25, 0.125]) for step = compile((w, rate) => w.sub(w.mul(rate)))',
            run: (f) => f(step, [0.5, 0.25, 0.125]),
            expected: 0.5 * 0.75 * 0.875,
          },
          { call: 'the number of its traces', run: () => traces, expected: 1 },
        ];
      },
    },
  ],
};
