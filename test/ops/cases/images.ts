import { spacedFloats } from '@tessera/autograd/testing';
import { avgPool2d, maxPool2d, upsampleBilinear2d, upsampleNearest2d } from '@tessera/tensor';
import { images as planes, shaped } from '../arbitraries.ts';
import type { OpRow } from '../row.ts';

/** Pooling and resizing. */
export const images: readonly OpRow[] = [
  {
    op: 'maxPool2d',
    cases: planes((x) => maxPool2d(x, 3, { stride: 2, padding: 1 }).square(), 2, spacedFloats),
    golden: {
      max_pool2d: ([x], attributes) =>
        maxPool2d(x, attributes.pair('kernel'), {
          stride: attributes.pair('stride'),
          padding: attributes.pair('padding'),
          dilation: attributes.pair('dilation'),
        }),
    },
  },
  {
    op: 'maxPool2d',
    variant: 'with dilation',
    cases: planes(
      (x) => maxPool2d(x, [2, 1], { stride: [1, 2], dilation: [2, 1] }).square(),
      3,
      spacedFloats,
    ),
  },
  {
    op: 'avgPool2d',
    cases: planes((x) => avgPool2d(x, [2, 3], { stride: 1 }).square()),
    golden: {
      avg_pool2d: ([x], attributes) =>
        avgPool2d(x, attributes.pair('kernel'), {
          stride: attributes.pair('stride'),
          padding: attributes.pair('padding'),
          countIncludePad: attributes.boolean('count_include_pad'),
        }),
    },
  },
  {
    op: 'avgPool2d',
    variant: 'without the padding',
    cases: planes(
      (x) => avgPool2d(x, 3, { stride: 2, padding: 1, countIncludePad: false }).square(),
      2,
    ),
  },
  {
    op: 'upsampleNearest2d',
    variant: 'by a factor',
    cases: planes((x) => upsampleNearest2d(x, 2).square(), 1),
  },
  {
    op: 'upsampleNearest2d',
    variant: 'to a size',
    cases: planes((x) => upsampleNearest2d(x, { size: [5, 2] }).square(), 1),
    golden: {
      upsample_nearest2d: ([x], attributes) =>
        upsampleNearest2d(x, { size: attributes.pair('size') }),
    },
  },
  {
    op: 'upsampleBilinear2d',
    cases: planes((x) => upsampleBilinear2d(x, { size: [5, 2] }).square(), 1),
    golden: {
      upsample_bilinear2d: ([x], attributes) =>
        upsampleBilinear2d(
          x,
          { size: attributes.pair('size') },
          { alignCorners: attributes.boolean('align_corners') },
        ),
    },
  },
  {
    op: 'upsampleBilinear2d',
    variant: 'with corners',
    cases: shaped(
      (x) => upsampleBilinear2d(x, { size: [5, 7] }, { alignCorners: true }).square(),
      [[2, 3, 4]],
    ),
  },
];
