// The exercises of chapter 1 of the tour, with their solutions.

import { tensor } from '@tessera/tensor';
import type { Chapter } from '../exercise.ts';

/** Chapter 1: arithmetic, broadcasting, reductions. */
export const tensors: Chapter = {
  title: 'Tensors',
  question: 'What is a tensor, and what can be done with one?',
  imports: [`import { tensor } from '@tessera/tensor';`],
  exercises: [
    {
      name: 'unitRows',
      task: 'Given a tensor `x` of shape [m, n], give the tensor of that shape whose rows are those of `x`, each divided by its length, the root of the sum of its squares.',
      stub: 'export function unitRows(x) {}',
      hint: 'The lengths must have shape [m, 1] to be repeated along the rows: keepDims.',
      solution: `export function unitRows(x) {
  return x.div(x.square().sum(1, { keepDims: true }).sqrt());
}`,
      trials: () => [
        {
          call: 'unitRows(tensor([[3, 4], [0, 2]]))',
          run: (f) => {
            const rows = [
              [3, 4],
              [0, 2],
            ];
            return f(tensor(rows));
          },
          expected: [
            [0.6, 0.8],
            [0, 1],
          ],
        },
        {
          call: 'unitRows(tensor([[2, -1, 2]]))',
          run: (f) => f(tensor([[2, -1, 2]])),
          expected: [[2 / 3, -1 / 3, 2 / 3]],
        },
      ],
    },
    {
      name: 'distances',
      task: 'Given `a` of shape [m] and `b` of shape [n], give the tensor of shape [m, n] whose element [i, j] is the distance |a[i] − b[j]|. No loop is needed.',
      stub: 'export function distances(a, b) {}',
      hint: 'Broadcasting aligns shapes at the last axis: which shape must `a` have so that it meets [n] as a column?',
      solution: `export function distances(a, b) {
  return a.unsqueeze(1).sub(b).abs();
}`,
      trials: () => [
        {
          call: 'distances(tensor([0, 10]), tensor([1, 2, 4]))',
          run: (f) => f(tensor([0, 10]), tensor([1, 2, 4])),
          expected: [
            [1, 2, 4],
            [9, 8, 6],
          ],
        },
        {
          call: 'distances(tensor([5, 6]), tensor([5, 8]))',
          run: (f) => f(tensor([5, 6]), tensor([5, 8])),
          expected: [
            [0, 3],
            [1, 2],
          ],
        },
      ],
    },
    {
      name: 'share',
      task: 'Given a tensor `x` of any shape and a number `limit`, give as a scalar the share of the elements of `x` that are greater than `limit`, from 0 to 1.',
      stub: 'export function share(x, limit) {}',
      hint: 'Bools have no mean. `cast` makes numbers of them.',
      solution: `export function share(x, limit) {
  return x.greater(limit).cast('float32').mean();
}`,
      trials: () => [
        {
          call: 'share(tensor([1, 5, 2, 7]), 2)',
          run: (f) => f(tensor([1, 5, 2, 7]), 2),
          expected: 0.5,
        },
        {
          call: 'share(tensor([[-1, -2, 3, -4]]), -3)',
          run: (f) => f(tensor([[-1, -2, 3, -4]]), -3),
          expected: 0.75,
        },
      ],
    },
  ],
};
