import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { wasmBackend } from '../../../../packages/tensor/src/backends/wasm/wasm.ts';
import type { TypedArray } from '../../../../packages/tensor/src/array/dtype.ts';
import { convolutions } from '../../../../packages/tensor/src/ops/product/convolutions.ts';
import {
  conv2dOutputSize,
  type Conv2dGeometry,
} from '../../../../packages/tensor/src/primitives/conv2d.ts';
import { sizeOf, type Shape } from '../../../../packages/tensor/src/array/shape.ts';
import { contiguousView } from '../../../../packages/tensor/src/array/view.ts';
import { elementsOf, fill, inputOf, runCall, type Input } from '../cpu/kernel-runs.ts';

interface Case {
  readonly geometry: Conv2dGeometry;
  readonly x: Input;
  readonly w: Input;
  /** Of the shape of the output. */
  readonly g: Input;
}

const one = wasmBackend({ threads: 1 });
const plain = wasmBackend({ threads: 1, relaxed: false });
const two = wasmBackend({ threads: 2 });

afterAll(() => {
  two.stopThreads();
});

const pair = (min: number, max: number): fc.Arbitrary<[number, number]> =>
  fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));

/** Convolutions of all geometries in which the kernel fits, with operands of any views. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    stride: pair(1, 4),
    padding: pair(0, 4),
    dilation: pair(1, 3),
    groups: fc.integer({ min: 1, max: 3 }),
    kernel: pair(1, 4),
    image: pair(1, 18),
    batch: fc.integer({ min: 0, max: 3 }),
    channels: fc.integer({ min: 0, max: 5 }),
    outputs: fc.integer({ min: 0, max: 9 }),
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

/** `conv2d(x, w)` and its adjoints in x and w, on a backend (default: cpu). */
function runAll({ geometry, x, w, g }: Case, backend?: typeof one): TypedArray[] {
  const inputSize = x.view.shape.slice(2);
  const kernelSize = w.view.shape.slice(2);
  return [
    runCall(convolutions.conv2d, geometry, [x, w], backend),
    runCall(convolutions.conv2dInput, { ...geometry, inputSize }, [g, w], backend),
    runCall(convolutions.conv2dWeight, { ...geometry, kernelSize }, [x, g], backend),
  ].map(({ elements }) => elements);
}

/** A convolution with square images and kernels. */
function caseOf(sizes: {
  readonly batch: number;
  readonly channels: number;
  readonly outputs: number;
  readonly image: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: number;
  readonly dilation?: number;
  readonly groups?: number;
}): Case {
  const { batch, channels, outputs, image, kernel } = sizes;
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = sizes;
  const geometry: Conv2dGeometry = {
    stride: [stride, stride],
    padding: [padding, padding],
    dilation: [dilation, dilation],
    groups,
  };
  const size = conv2dOutputSize([image, image], [kernel, kernel], geometry);
  const input = (shape: Shape, seed: number): Input => ({
    view: contiguousView(shape),
    elements: fill(new Float32Array(sizeOf(shape)), seed),
  });
  return {
    geometry,
    x: input([batch, channels, image, image], 1),
    w: input([outputs, channels / groups, kernel, kernel], 2),
    g: input([batch, outputs, ...size], 3),
  };
}

function inner(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((sum, x, i) => sum + x * b[i], 0);
}

/** Convolutions that are cut in every way: by images, bands of rows, groups, and blocks of the depth. */
const large = [
  { batch: 9, channels: 32, outputs: 20, image: 15, kernel: 3, stride: 2, padding: 1 },
  { batch: 2, channels: 3, outputs: 8, image: 61, kernel: 5, padding: 2 },
  { batch: 5, channels: 90, outputs: 12, image: 9, kernel: 3, padding: 1 },
  { batch: 2, channels: 64, outputs: 64, image: 12, kernel: 1 },
  { batch: 40, channels: 6, outputs: 10, image: 5, kernel: 3, padding: 1, groups: 2 },
  { batch: 6, channels: 4, outputs: 32, image: 28, kernel: 4, stride: 4 },
  { batch: 3, channels: 8, outputs: 8, image: 30, kernel: 3, padding: 4, dilation: 4, stride: 2 },
  { batch: 1, channels: 2, outputs: 2, image: 70, kernel: 7, stride: 8, padding: 9 },
  { batch: 9, channels: 16, outputs: 1, image: 21, kernel: 3, padding: 1 },
  { batch: 4, channels: 1, outputs: 12, image: 34, kernel: 3, padding: 1, stride: 2 },
];

describe('conv2d and its adjoints on wasm', () => {
  it('are those of the cpu backend, with fused products and without', () => {
    fc.assert(
      fc.property(cases, fc.constantFrom(one, plain), (test, backend) => {
        // Products of multiples of 1/64 and their few sums are exact.
        expect(runAll(test, backend)).toStrictEqual(runAll(test));
      }),
      { numRuns: 150 },
    );
  });

  it('pack columns of positions that lie in the memory of others', () => {
    // Six positions, one a row, three elements apart: the last two, in fours, span as much as a run.
    const geometry = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 };
    const x = {
      view: { shape: [1, 3, 6, 1], strides: [0, 1, 3, 1], offset: 0 },
      elements: fill(new Float32Array(18), 1),
    };
    const w = {
      view: contiguousView([4, 3, 1, 1]),
      elements: fill(new Float32Array(12), 2),
    };
    const run = (backend?: typeof one) => runCall(convolutions.conv2d, geometry, [x, w], backend);
    expect(run(one)).toStrictEqual(run());
  });

  it.each(large)(
    'leave out what lies outside of ȳ, also by infinite weights: $kernel² on $image²',
    (sizes) => {
      const { geometry, x, w, g } = caseOf(sizes);
      const weights = { view: w.view, elements: w.elements.slice() };
      weights.elements[weights.elements.length - 1] = Infinity;
      const params = { ...geometry, inputSize: x.view.shape.slice(2) };
      const run = (backend?: typeof one): TypedArray =>
        runCall(convolutions.conv2dInput, params, [g, weights], backend).elements;
      const notFinite = (elements: TypedArray): number[] =>
        Array.from(elements).map((element) => (Number.isFinite(element) ? 0 : element));
      expect(notFinite(run(two))).toStrictEqual(notFinite(run()));
    },
  );

  it('satisfy <conv2d(x, w), g> = <x, conv2dInput(g, w)> = <w, conv2dWeight(x, g)>', () => {
    fc.assert(
      fc.property(cases, (test) => {
        const [y, inX, inW] = runAll(test, one);
        const product = inner(y, elementsOf(test.g));
        // All three sums of products of three multiples of 1/64 are exact in float64.
        expect(inner(inX, elementsOf(test.x))).toBe(product);
        expect(inner(inW, elementsOf(test.w))).toBe(product);
      }),
      { numRuns: 50 },
    );
  });

  it.each(large)(
    'are those of the cpu backend for $outputs × $channels × $kernel² on $batch × $image²',
    (sizes) => {
      const test = caseOf(sizes);
      const expected = runAll(test);
      runAll(test, one).forEach((actual, i) => {
        const scale = Math.max(...Array.from(expected[i], Math.abs));
        const differences = Array.from(actual, (x, at) => Math.abs(x - expected[i][at]));
        // Some thousand roundings of float32, which mostly cancel.
        expect(Math.max(...differences)).toBeLessThanOrEqual(2e-6 * scale);
      });
    },
  );

  it.each(large)(
    'have the same bits from 1 and 2 threads: $outputs × $channels × $kernel²',
    (sizes) => {
      const test = caseOf(sizes);
      expect(runAll(test, two)).toStrictEqual(runAll(test, one));
    },
  );
});
