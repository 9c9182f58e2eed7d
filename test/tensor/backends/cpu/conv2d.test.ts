import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { convolutions } from '../../../../packages/tensor/src/ops/product/convolutions.ts';
import {
  conv2dOutputSize,
  type Conv2dGeometry,
} from '../../../../packages/tensor/src/primitives/conv2d.ts';
import { sizeOf, type Shape } from '../../../../packages/tensor/src/array/shape.ts';
import { contiguousView } from '../../../../packages/tensor/src/array/view.ts';
import { elementsOf, inputOf, runCall, type Input } from './kernel-runs.ts';

/** Visits every product of a convolution: the flat places in row-major x, w and y. */
function forEachProduct(
  x: Shape,
  w: Shape,
  y: Shape,
  { stride, padding, dilation, groups }: Conv2dGeometry,
  visit: (inX: number, inW: number, inY: number) => void,
): void {
  const perGroup = w[0] / groups;
  for (let b = 0; b < y[0]; b++)
    for (let o = 0; o < y[1]; o++)
      for (let i = 0; i < y[2]; i++)
        for (let j = 0; j < y[3]; j++)
          for (let c = 0; c < w[1]; c++)
            for (let u = 0; u < w[2]; u++)
              for (let v = 0; v < w[3]; v++) {
                const row = i * stride[0] + u * dilation[0] - padding[0];
                const column = j * stride[1] + v * dilation[1] - padding[1];
                if (row < 0 || row >= x[2] || column < 0 || column >= x[3]) continue;
                const channel = Math.floor(o / perGroup) * w[1] + c;
                visit(
                  ((b * x[1] + channel) * x[2] + row) * x[3] + column,
                  ((o * w[1] + c) * w[2] + u) * w[3] + v,
                  ((b * y[1] + o) * y[2] + i) * y[3] + j,
                );
              }
}

interface Case {
  readonly geometry: Conv2dGeometry;
  readonly x: Input;
  readonly w: Input;
  readonly g: Input;
}

const pair = (min: number, max: number): fc.Arbitrary<[number, number]> =>
  fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));

/** Convolutions of all geometries in which the kernel fits, with operands of any views. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    stride: pair(1, 3),
    padding: pair(0, 2),
    dilation: pair(1, 2),
    groups: fc.integer({ min: 1, max: 3 }),
    kernel: pair(1, 3),
    image: pair(1, 8),
    batch: fc.integer({ min: 0, max: 3 }),
    channels: fc.integer({ min: 0, max: 3 }),
    outputs: fc.integer({ min: 0, max: 3 }),
  })
  .filter(({ image, kernel, ...geometry }) =>
    conv2dOutputSize(image, kernel, geometry).every((n) => n > 0),
  )
  .chain(({ kernel, image, batch, channels, outputs, ...geometry }) => {
    const { groups } = geometry;
    const size = conv2dOutputSize(image, kernel, geometry);
    return fc.record({
      geometry: fc.constant(geometry),
      x: inputOf([batch, channels * groups, ...image]),
      w: inputOf([outputs * groups, channels, ...kernel]),
      g: inputOf([batch, outputs * groups, ...size]),
    });
  });

function runAll({ geometry, x, w, g }: Case): [Float32Array, Float32Array, Float32Array] {
  const [inputHeight, inputWidth] = x.view.shape.slice(2);
  const [kernelHeight, kernelWidth] = w.view.shape.slice(2);
  const y = runCall(convolutions.conv2d, geometry, [x, w]);
  const forX = { ...geometry, inputSize: [inputHeight, inputWidth] };
  const forW = { ...geometry, kernelSize: [kernelHeight, kernelWidth] };
  const inX = runCall(convolutions.conv2dInput, forX, [g, w]);
  const inW = runCall(convolutions.conv2dWeight, forW, [x, g]);
  expect([y.shape, inX.shape, inW.shape]).toEqual([g.view.shape, x.view.shape, w.view.shape]);
  return [y.elements, inX.elements, inW.elements] as [Float32Array, Float32Array, Float32Array];
}

function inner(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((sum, x, i) => sum + x * b[i], 0);
}

describe('conv2d and its adjoints', () => {
  it('are what seven nested loops give', () => {
    fc.assert(
      fc.property(cases, (test) => {
        const { geometry, x, w, g } = test;
        const [y, inX, inW] = runAll(test);
        const [xs, ws, gs] = [x, w, g].map(elementsOf);
        const expected = [g, x, w].map(({ view }) => new Float64Array(sizeOf(view.shape)));
        forEachProduct(
          x.view.shape,
          w.view.shape,
          g.view.shape,
          geometry,
          (inputAt, weightAt, outputAt) => {
            expected[0][outputAt] += xs[inputAt] * ws[weightAt];
            expected[1][inputAt] += gs[outputAt] * ws[weightAt];
            expected[2][weightAt] += xs[inputAt] * gs[outputAt];
          },
        );
        // Products of multiples of 1/64 and their few sums are exact.
        expect([y, inX, inW]).toStrictEqual(expected.map((sums) => Float32Array.from(sums)));
      }),
      { numRuns: 300 },
    );
  });

  it('satisfy <conv2d(x, w), g> = <x, conv2dInput(g, w)> = <w, conv2dWeight(x, g)>', () => {
    fc.assert(
      fc.property(cases, (test) => {
        const [y, inX, inW] = runAll(test);
        const product = inner(y, elementsOf(test.g));
        // All three sums of products of three multiples of 1/64 are exact in float64.
        expect(inner(inX, elementsOf(test.x))).toBe(product);
        expect(inner(inW, elementsOf(test.w))).toBe(product);
      }),
    );
  });

  it('gives patchify when the kernel is as large as the stride', () => {
    const x = {
      view: contiguousView([1, 1, 2, 4]),
      elements: new Float32Array([1, 2, 3, 4, 5, 6, 7, 8]),
    };
    // One-hot kernels: output channel o is element o of each 2 × 2 patch.
    const w = {
      view: { shape: [4, 1, 2, 2], strides: [4, 0, 2, 1], offset: 0 },
      elements: new Float32Array(16),
    };
    for (let o = 0; o < 4; o++) w.elements[o * 5] = 1;
    const geometry = { stride: [2, 2], padding: [0, 0], dilation: [1, 1], groups: 1 };
    const { shape, elements } = runCall(convolutions.conv2d, geometry, [x, w]);
    expect(shape).toEqual([1, 4, 1, 2]);
    expect(elements).toEqual(new Float32Array([1, 3, 2, 4, 5, 7, 6, 8]));
  });
});
