/** What the tests of fused composites share on every backend: inputs, kernels, and the definition on cpu. */
import { cpuBackend, defaultBackend, setDefaultBackend, tensor } from '@tessera/tensor';
import { contiguousView, type Composite, type Params } from '@tessera/tensor/extend';
import type { CallKernel } from '../../../packages/tensor/src/plan/kernel.ts';
import type { View } from '../../../packages/tensor/src/array/view.ts';
import { elementsOf, extentOf, fill, operandOf, type Input } from './cpu/kernel-runs.ts';

/**
 * Rows of every kind of special number, of five elements.
 *
 * @param fading Logits so far apart that their weights fade away, as far as the backend tells them from 0.
 */
export function specialRows(fading: readonly number[]): readonly (readonly number[])[] {
  const [low, high] = [-Infinity, Infinity];
  return [
    [low, low, low, low, low],
    [NaN, 1, 2, 3, 4],
    [1, 2, 3, 4, NaN],
    [NaN, low, low, low, low],
    [0, low, 1, low, low],
    [high, 0, 1, 2, 3],
    [high, low, NaN, 2, 3],
    [1e4, 1e4, 9.99e3, -1e4, 0],
    [-1e30, -1e30, -1e30, -1e30, -1e30],
    fading,
    [3e38, -3e38, 0, 3e38, 1],
  ];
}

/** An input that looks at numbers of its own through a view. */
export function inputFor(view: View, seed: number): Input {
  return { view, elements: fill(new Float32Array(extentOf(view)), seed) };
}

/** A contiguous input. */
export function contiguousInput(shape: readonly number[], seed: number): Input {
  return inputFor(contiguousView(shape), seed);
}

/** A contiguous input with these elements. */
export function inputWith(shape: readonly number[], elements: readonly number[]): Input {
  return { view: contiguousView(shape), elements: Float32Array.from(elements) };
}

/** What the composite is decomposed into, on cpu. */
export function define<P extends Params>(
  composite: Composite<P>,
  params: P,
  inputs: readonly Input[],
): Float32Array[] {
  const before = defaultBackend();
  setDefaultBackend(cpuBackend());
  try {
    const tensors = inputs.map((input) =>
      tensor(Float32Array.from(elementsOf(input)), { shape: input.view.shape }),
    );
    return composite.decompose(tensors, params).map((y) => y.dataSync() as Float32Array);
  } finally {
    setDefaultBackend(before);
  }
}

/** The kernel of a composite: inputs are the first buffers, contiguous outputs the next. */
export function kernelOf<P extends Params>(
  operation: Composite<P>,
  params: P,
  inputs: readonly Input[],
): CallKernel {
  const specs = inputs.map(({ view }) => ({ shape: view.shape, dtype: 'float32' }) as const);
  return {
    kind: 'call',
    operation,
    params,
    inputs: inputs.map((input, i) => operandOf(i, input)),
    outputs: operation.infer(specs, params).map(({ shape, dtype }, i) => {
      return { buffer: inputs.length + i, dtype, view: contiguousView(shape) };
    }),
  };
}

/**
 * The places where numbers are not as expected, NaN and infinities included.
 *
 * @param tolerance Deviation as a multiple of the largest finite result, or of 1 if that is larger.
 */
export function placesApart(
  actual: Float32Array,
  expected: Float32Array,
  tolerance: number,
): number[] {
  const largest = expected.reduce((most, x) => {
    return Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most;
  }, 1);
  return [...expected.keys()].filter((i) => {
    const isSame = Object.is(actual[i], expected[i]) || actual[i] === expected[i];
    return !isSame && !(Math.abs(actual[i] - expected[i]) <= tolerance * largest);
  });
}

/**
 * The size of what may cancel in attention (3 operands) or its gradient (4), for a tolerance: the gradient
 * of a logit is a difference of products ȳ·v, which is 0 but for their rounding where a view repeats one
 * row. {@link fill} gives numbers of at most 2.
 */
export function sizeOfCancelled(operands: readonly Input[]): number {
  if (operands.length < 4) return 1;
  const { shape } = operands[2].view;
  return Math.max(1, 4 * shape[shape.length - 1]);
}
