import { wasmBackend } from '@tessera/tensor';
import { composites, type Composite, type Params } from '@tessera/tensor/extend';
import { afterAll, describe, expect, it } from 'vitest';
import {
  axisLayout,
  type AxisLayout,
} from '../../../../packages/tensor/src/backends/wasm/rows/axis-layout.ts';
import { contiguousView, type View } from '../../../../packages/tensor/src/array/view.ts';
import { operandOf } from '../cpu/kernel-runs.ts';
import { inputFor } from '../composites.ts';
import { run } from './composite-runs.ts';

const { softmax, softmaxGrad, logSoftmax, logSumExp, layerNormStatistics, layerNormGrad } =
  composites;

const backends = [1, 2, 3].map((threads) => wasmBackend({ threads }));

afterAll(() => {
  for (const backend of backends) backend.stopThreads();
});

/** A kernel along an axis of tensors that lie in memory like this. */
interface Case {
  readonly composite: Composite;
  readonly params: Params;
  readonly axis: number;
  readonly view: View;
  readonly inputs: number;
}

// Rows of 200 elements, seven of them side by side: two groups of four, of which the second begins
// with the last row of the first.
const inside = { axis: 1, view: { shape: [64, 200, 7], strides: [1400, 7, 1], offset: 0 } };
const last = { axis: 2, view: { shape: [64, 7, 200], strides: [1400, 1, 7], offset: 0 } };
const eps = { eps: 1e-5 };

// A composite asks for attributes of its own; the table has them beside it.
const cases = [
  { composite: softmax, params: { axis: 1 }, inputs: 1, ...inside },
  { composite: softmaxGrad, params: { axis: 1 }, inputs: 2, ...inside },
  { composite: logSoftmax, params: { axis: 1 }, inputs: 1, ...inside },
  { composite: logSumExp, params: { axis: 1 }, inputs: 1, ...inside },
  { composite: layerNormStatistics, params: eps, inputs: 1, ...last },
  { composite: layerNormGrad, params: eps, inputs: 2, ...last },
] as unknown as readonly Case[];

/** How the kernel of a case takes its rows. */
function groupsOf({ composite, params, axis, view, inputs }: Case): AxisLayout['groups'] {
  const given = Array.from({ length: inputs }, (_, i) => operandOf(i, inputFor(view, i)));
  const outputs = composite
    .infer(
      given.map(() => ({ shape: view.shape, dtype: 'float32' })),
      params,
    )
    .map(({ shape, dtype }, i) => ({ buffer: inputs + i, dtype, view: contiguousView(shape) }));
  return axisLayout({ kind: 'call', operation: composite, params, inputs: given, outputs }, axis)
    .groups;
}

describe('kernels along an axis, on rows whose groups of four overlap', () => {
  it.each(cases.map((each) => [each.composite.name, each] as const))(
    '%s has the same bits from 1, 2 and 3 threads, every time',
    (_name, each) => {
      expect(groupsOf(each)).toEqual({ count: 2, last: 3 });
      const { composite, params, view, inputs } = each;
      for (let seed = 0; seed < 15; seed++) {
        const given = Array.from({ length: inputs }, (_, i) => inputFor(view, seed + 100 * i));
        const [expected, ...others] = backends.map((backend) =>
          run(backend, composite, params, given).map(({ buffer }) => Buffer.from(buffer)),
        );
        for (const result of others) {
          expect(result.every((bytes, i) => bytes.equals(expected[i]))).toBe(true);
        }
      }
    },
  );
});
