import { gradcheck } from '@tessera/autograd';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cases } from './cases.ts';

const RUNS = 25;

describe('first and second derivatives agree with differences', () => {
  it.each(Object.entries(cases))('%s', async (_name, arbitrary) => {
    await fc.assert(
      fc.asyncProperty(arbitrary, async ({ f, inputs }) => {
        const { worst } = await gradcheck(f, inputs, { order: 2, directions: 1 });
        expect(worst).toBeLessThanOrEqual(1);
      }),
      { numRuns: RUNS },
    );
  });
});
