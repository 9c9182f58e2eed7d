// The exercises of chapter 3 of the tour, with their solutions.

import { scalar, type Tensor } from '@tessera/tensor';
import { record } from '@tessera/autograd';
import type { Answer, Chapter } from '../exercise.ts';

/** The names of the operations that a function of a number is recorded as. */
function operations(f: Answer, x: number): string {
  const { graph } = record((argument: Tensor) => f(argument) as Tensor, scalar(x));
  return graph.nodes.map(({ name }) => name).join(', ');
}

/** Chapter 3: what a function did, written down. */
export const graph: Chapter = {
  title: 'The graph',
  question: 'How does a program learn what a function did?',
  imports: [`import { record } from '@tessera/autograd';`],
  exercises: [
    {
      name: 'fromNotes',
      task: 'Write the function of a scalar `x` that is recorded as `v0 = mul(in0, in0)`, `v1 = exp(v0)`, `v2 = add(v1, in0)`.',
      stub: 'export function fromNotes(x) {}',
      hint: 'Each line is one method; `in0` is `x`.',
      solution: `export function fromNotes(x) {
  return x.mul(x).exp().add(x);
}`,
      trials: () => [
        {
          call: 'fromNotes(scalar(0.5))',
          run: (f) => f(scalar(0.5)),
          expected: Math.exp(0.25) + 0.5,
        },
        {
          call: 'the operations of fromNotes',
          run: (f) => f(scalar(1)) && operations(f, 1),
          expected: 'mul, exp, add',
        },
      ],
    },
    {
      name: 'eighth',
      task: 'Write `x⁸` of a scalar `x` with `mul` alone, so that three operations are recorded and not seven.',
      stub: 'export function eighth(x) {}',
      hint: 'A result may be used twice in the next operation.',
      solution: `export function eighth(x) {
  const second = x.mul(x);
  const fourth = second.mul(second);
  return fourth.mul(fourth);
}`,
      trials: () => [
        { call: 'eighth(scalar(2))', run: (f) => f(scalar(2)), expected: 256 },
        {
          call: 'the operations of eighth',
          run: (f) => f(scalar(2)) && operations(f, 2),
          expected: 'mul, mul, mul',
        },
      ],
    },
    {
      name: 'countOperations',
      task: 'Given a function `f` of one tensor and a tensor `x`, give the number of operations in the graph of `f` at `x`.',
      stub: 'export function countOperations(f, x) {}',
      hint: '`record` gives a `graph`, and a graph has `nodes`.',
      solution: `export function countOperations(f, x) {
  return record(f, x).graph.nodes.length;
}`,
      trials: () => [
        {
          call: 'countOperations((x) => x.sin().mul(x), scalar(1))',
          run: (f) => f((x: Tensor) => x.sin().mul(x), scalar(1)),
          expected: 2,
        },
        {
          call: 'countOperations((x) => x, scalar(1))',
          run: (f) => f((x: Tensor) => x, scalar(1)),
          expected: 0,
        },
      ],
    },
  ],
};
