import {
  compile,
  conv2d,
  convTranspose2d,
  cpuBackend,
  defaultBackend,
  setDefaultBackend,
  tensor,
  wasmBackend,
  type Backend,
  type Tensor,
} from '@tessera/tensor';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { sizeOf, type Shape } from '../../../../packages/tensor/src/array/shape.ts';
import { fill } from '../cpu/kernel-runs.ts';

const cpu = cpuBackend();
const one = wasmBackend({ threads: 1 });
const two = wasmBackend({ threads: 2 });
const before = defaultBackend();

afterEach(() => {
  setDefaultBackend(before);
});

afterAll(() => {
  two.stopThreads();
});

type Layer = (x: Tensor, w: Tensor, bias: Tensor, other: Tensor) => Tensor;

/** The result of a compiled layer on a backend, and how many kernels its plan has. */
function run(
  backend: Backend,
  layer: Layer,
  shapes: readonly Shape[],
): { readonly elements: number[]; readonly kernels: string } {
  setDefaultBackend(backend);
  const inputs = shapes.map((shape, i) =>
    tensor(fill(new Float32Array(sizeOf(shape)), i + 1) as Float32Array, { shape }),
  );
  const [x, w, bias, other] = inputs;
  const { plan } = compile(layer).stages(x, w, bias, other);
  const elements = Array.from(compile(layer)(x, w, bias, other).dataSync());
  return { elements, kernels: plan.split(',')[0] };
}

const cases: readonly (readonly [string, Layer, readonly Shape[]])[] = [
  [
    'a bias and an activation',
    (x, w, bias) => conv2d(x, w, { padding: 1 }).add(bias).sigmoid(),
    [[5, 6, 11, 9], [8, 6, 3, 3], [8, 1, 1], [1]],
  ],
  [
    'a residual, in bands of one image',
    (x, w, bias, other) => conv2d(x, w, { padding: 2, groups: 2 }).add(bias).add(other),
    [
      [1, 8, 70, 64],
      [6, 4, 5, 5],
      [6, 1, 1],
      [1, 6, 70, 64],
    ],
  ],
  [
    'work on a reshaped result',
    (x, w, _bias, other) => conv2d(x, w, { stride: 2 }).reshape([3, 2, 16]).mul(other).square(),
    [[3, 4, 8, 9], [2, 4, 2, 2], [1], [3, 2, 16]],
  ],
  [
    'a transposed convolution',
    (x, w, bias) => convTranspose2d(x, w, { stride: 2, padding: 1 }).add(bias).relu(),
    [[3, 7, 6, 5], [7, 5, 4, 4], [5, 1, 1], [1]],
  ],
  [
    'a transposed convolution with gaps, which no tap reaches',
    (x, w, bias) => convTranspose2d(x, w, { stride: 3 }).add(bias),
    [[2, 3, 5, 4], [3, 2, 2, 1], [2, 1, 1], [1]],
  ],
  [
    'a convolution of no channels',
    (x, w, bias) => conv2d(x, w).add(bias),
    [[2, 0, 5, 4], [3, 0, 2, 2], [3, 1, 1], [1]],
  ],
];

describe('the epilogue of a convolution on wasm', () => {
  it.each(cases)('does %s', (_name, layer, shapes) => {
    const expected = run(cpu, layer, shapes);
    const actual = run(one, layer, shapes);
    expect(actual.kernels).toBe('plan: 1 kernel');
    expect(expected.kernels).toBe('plan: 2 kernels');
    const scale = Math.max(1, ...expected.elements.map(Math.abs));
    // Functions within two units of the last place of sums that are exact.
    actual.elements.forEach((x, i) => {
      expect(Math.abs(x - expected.elements[i])).toBeLessThanOrEqual(3e-7 * scale);
    });
    expect(run(two, layer, shapes)).toStrictEqual(actual);
  });
});
