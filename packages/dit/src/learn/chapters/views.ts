// The exercises of chapter 2 of the tour, with their solutions.

import type { Chapter } from '../exercise.ts';

const transposed = { shape: [3, 2], strides: [1, 3], offset: 0 };
const backwards = { shape: [2, 3], strides: [3, -1], offset: 2 };

/** Chapter 2: strides and offsets. */
export const views: Chapter = {
  title: 'Views',
  question: 'Why does a transpose cost nothing?',
  imports: [],
  exercises: [
    {
      name: 'place',
      task: 'Given a view `{ shape, strides, offset }` and an `index`, an array of one number for each axis, give the number of the element in memory that the index means.',
      stub: 'export function place(view, index) {}',
      hint: 'The formula is the first one of the chapter; `reduce` adds over the axes.',
      solution: `export function place({ strides, offset }, index) {
  return index.reduce((sum, i, axis) => sum + i * strides[axis], offset);
}`,
      trials: () => [
        {
          call: 'place({ shape: [3, 2], strides: [1, 3], offset: 0 }, [2, 1])',
          run: (f) => f(transposed, [2, 1]),
          expected: 5,
        },
        {
          call: 'place({ shape: [2, 3], strides: [3, -1], offset: 2 }, [1, 2])',
          run: (f) => f(backwards, [1, 2]),
          expected: 3,
        },
        {
          call: 'place({ shape: [], strides: [], offset: 7 }, [])',
          run: (f) => f({ shape: [], strides: [], offset: 7 }, []),
          expected: 7,
        },
      ],
    },
    {
      name: 'rowMajor',
      task: 'Given a `shape`, give the array of the strides of a tensor whose elements lie in row-major order.',
      stub: 'export function rowMajor(shape) {}',
      hint: 'A step along an axis skips as many elements as the axes behind it have together.',
      solution: `export function rowMajor(shape) {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((size, n) => size * n, 1));
}`,
      trials: () => [
        { call: 'rowMajor([2, 3])', run: (f) => f([2, 3]), expected: [3, 1] },
        { call: 'rowMajor([4, 5, 2, 3])', run: (f) => f([4, 5, 2, 3]), expected: [30, 6, 3, 1] },
      ],
    },
    {
      name: 'windows',
      task: 'Given a view `{ shape: [n], strides: [s], offset }` and a `width`, give the view of shape [n − width + 1, width] whose row i holds the elements i to i + width − 1. No element is copied: rows overlap.',
      stub: 'export function windows(view, width) {}',
      hint: 'A step down goes one element further, and so does a step to the right.',
      solution: `export function windows({ shape: [n], strides: [s], offset }, width) {
  return { shape: [n - width + 1, width], strides: [s, s], offset };
}`,
      trials: () => [
        {
          call: 'windows({ shape: [5], strides: [1], offset: 0 }, 3)',
          run: (f) => f({ shape: [5], strides: [1], offset: 0 }, 3),
          expected: { shape: [3, 3], strides: [1, 1], offset: 0 },
        },
        {
          call: 'windows({ shape: [6], strides: [-2], offset: 11 }, 2)',
          run: (f) => f({ shape: [6], strides: [-2], offset: 11 }, 2),
          expected: { shape: [5, 2], strides: [-2, -2], offset: 11 },
        },
      ],
    },
  ],
};
