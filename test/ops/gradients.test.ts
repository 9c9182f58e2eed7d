import { gradcheck, vjp } from '@tessera/autograd';
import { ones, type Tensor } from '@tessera/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rows } from './cases.ts';
import { rowName } from './row.ts';
import { runs } from './runs.ts';

const RUNS = runs(25);

describe('first and second derivatives agree with differences', () => {
  const checked = rows.filter(({ notDifferentiable }) => notDifferentiable === undefined);

  it.each(checked.map((row) => [rowName(row), row.cases] as const))('%s', async (_name, cases) => {
    await fc.assert(
      fc.asyncProperty(cases(1), fc.nat(1000), async ({ f, inputs }, seed) => {
        // A slice may leave nothing, of which there is no derivative to compare.
        fc.pre([f(...inputs)].flat().some(({ size }) => size > 0));
        const { worst } = await gradcheck(f, inputs, { order: 2, directions: 1, seed });
        expect(worst).toBeLessThanOrEqual(1);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('no gradient passes', () => {
  const skipped = rows.flatMap((row) =>
    row.notDifferentiable === undefined
      ? []
      : [[rowName(row), row.notDifferentiable, row.cases] as const],
  );

  it.each(skipped)('%s: %s', (_name, _reason, cases) => {
    fc.assert(
      fc.property(cases(1), ({ f, inputs }) => {
        const { value, pullback } = vjp(
          (...operands: Tensor[]) => [f(...operands)].flat(),
          ...inputs,
        );
        const cotangents = pullback(value.map(({ shape, dtype }) => ones(shape, dtype)));
        for (const cotangent of cotangents) {
          expect(cotangent.dataSync().every((each) => each === 0)).toBe(true);
        }
      }),
      { numRuns: RUNS },
    );
  });
});
