import { vjp } from '@tessera/autograd';
import { layouts } from '@tessera/autograd/testing';
import { compile, foldIn, key, normal, zeros, type Tensor } from '@tessera/tensor';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { everywhere } from './arbitraries.ts';
import { rows } from './cases.ts';
import { expectSame } from './comparison.ts';
import { rowName, type OpFunction } from './row.ts';
import { runs } from './runs.ts';

const RUNS = runs(12);

/** Bit for bit: compiled kernels round every operation of a chain, and sum in the order of eager ones. */
const TOLERANCE = 0;

/** Values, gradients and second derivatives of f, from cotangents of every float32 result. */
function derivatives(f: OpFunction, inputs: readonly Tensor[]): readonly Tensor[] {
  const run = (...operands: Tensor[]): Tensor[] => [f(...operands)].flat();
  const gradients = (...operands: Tensor[]): Tensor[] => {
    const { value, pullback } = vjp(run, ...operands);
    return [...value, ...pullback(cotangentsOf(value))];
  };
  const { value, pullback } = vjp(gradients, ...inputs);
  return [...value, ...pullback(cotangentsOf(value))];
}

/** Random numbers for float32 tensors; the others carry no gradient. */
function cotangentsOf(values: readonly Tensor[]): Tensor[] {
  return values.map(({ shape, dtype }, i) =>
    dtype === 'float32' ? normal(foldIn(key(7), i), shape) : zeros(shape, dtype),
  );
}

describe('compiled values, gradients and second derivatives are those of eager evaluation', () => {
  it.each(rows.map((row) => [rowName(row), row.cases] as const))('%s', async (_name, cases) => {
    await fc.assert(
      fc.asyncProperty(everywhere(cases), layouts, async ({ f, inputs }, layout) => {
        const run = (...operands: Tensor[]): readonly Tensor[] => derivatives(f, operands);
        const operands = inputs.map(layout);
        await expectSame(compile(run)(...operands), run(...operands), TOLERANCE);
      }),
      { numRuns: RUNS },
    );
  });
});
