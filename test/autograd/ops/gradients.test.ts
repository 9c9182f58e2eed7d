import { gradcheck } from '@tessera/autograd';
import { describe, expect, it } from 'vitest';
import { opCases } from './cases.ts';

describe('first and second derivatives agree with differences', () => {
  it.each(Object.entries(opCases))('%s', async (_name, { f, inputs }) => {
    const { worst } = await gradcheck(f, [...inputs], { order: 2 });
    expect(worst).toBeLessThanOrEqual(1);
  });
});
