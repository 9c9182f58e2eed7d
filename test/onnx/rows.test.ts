import { vjp } from '@tessera/autograd';
import { toOnnx } from '@tessera/onnx';
import { foldIn, key, normal, zeros, type Tensor } from '@tessera/tensor';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { everywhere } from '../ops/arbitraries.ts';
import { rows } from '../ops/cases.ts';
import { expectSame } from '../ops/comparison.ts';
import { rowName, type OpCase, type OpFunction } from '../ops/row.ts';
import { runs } from '../ops/runs.ts';
import { load } from './onnxruntime.ts';

/** Cases of a row in one model, since most of the time goes into loading. */
const CASES = 2;

/**
 * Of the largest element. Both sides round every float32 operation, sums in another order; onnxruntime's
 * functions are off by a few units of the last place.
 */
const TOLERANCE = 3e-6;

/** The values of f, and its gradients where it has some, from cotangents of every float32 result. */
function valuesAndGradients(f: OpFunction, isSmooth: boolean): OpFunction {
  const run = (...operands: Tensor[]): Tensor[] => [f(...operands)].flat();
  if (!isSmooth) return (...inputs) => run(...inputs);
  return (...inputs) => {
    const { value, pullback } = vjp(run, ...inputs);
    return [...value, ...pullback(value.map(cotangentOf))];
  };
}

/** Random numbers for a float32 tensor; the others carry no gradient. */
function cotangentOf({ shape, dtype }: Tensor, i: number): Tensor {
  return dtype === 'float32' ? normal(foldIn(key(7), i), shape) : zeros(shape, dtype);
}

/** All cases in one function: of lists of operands, with lists of results. */
function together(cases: readonly OpCase[], isSmooth: boolean) {
  const functions = cases.map(({ f }) => valuesAndGradients(f, isSmooth));
  return (...operands: (readonly Tensor[])[]): readonly Tensor[] =>
    operands.flatMap((inputs, i) => functions[i](...inputs));
}

describe('onnxruntime-node computes what the cpu backend computes, and its gradients', () => {
  it.each(rows.map((row) => [rowName(row), row] as const))('%s', async (_name, row) => {
    const isSmooth = row.notDifferentiable === undefined;
    const several = fc.array(everywhere(row.cases), { minLength: CASES, maxLength: CASES });
    await fc.assert(
      fc.asyncProperty(several, async (cases) => {
        const f = together(cases, isSmooth);
        const inputs = cases.map((each) => each.inputs);
        const model = await load(await toOnnx(f, ...inputs));
        try {
          await expectSame(await model.run(inputs.flat()), f(...inputs), TOLERANCE);
        } finally {
          await model.release();
        }
      }),
      { numRuns: runs(1) },
    );
  });
});
