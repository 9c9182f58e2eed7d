import { vjp } from '@tessera/autograd';
import { compile, key, normal, type Tensor } from '@tessera/tensor';
import { describe, expect, it } from 'vitest';
import { opCases } from './cases.ts';

describe('compiled functions give the values and gradients of eager ones', () => {
  it.each(Object.entries(opCases))('%s', (_name, { f, inputs }) => {
    const run = (cotangent: Tensor, ...operands: Tensor[]): Tensor[] => {
      const { value, pullback } = vjp(f, ...operands);
      return [value, ...pullback(cotangent)];
    };
    const cotangent = normal(key(7), f(...inputs).shape);
    const eager = run(cotangent, ...inputs);
    const compiled = compile(run)(cotangent, ...inputs);
    expect(compiled.length).toBe(eager.length);
    for (const [i, each] of eager.entries()) {
      expect(compiled[i].shape).toEqual(each.shape);
      const difference = compiled[i].sub(each).abs().max().itemSync();
      // Every intermediate is rounded in both; only the order of some sums differs.
      expect(difference).toBeLessThanOrEqual(1e-5 * Math.max(1, each.abs().max().itemSync()));
    }
  });
});
