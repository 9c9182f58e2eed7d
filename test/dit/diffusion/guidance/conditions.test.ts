import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { key, tensor, type Tensor } from '@tessera/tensor';
import { guidedByConditions, guidedForward } from '@tessera/dit';
import { ALL_CONDITIONS, randomConditions } from '../../model/conditions.ts';
import { maxDifference, randomInputs, randomModel, TINY } from '../../model/sizes.ts';

const model = randomModel({ ...TINY, learnSigma: true, conditions: ALL_CONDITIONS }, key(0));
const { x, t, y } = randomInputs(TINY, 2, key(1));
const values = { ...randomConditions(model, 2, key(2)), label: y };
const names = Object.keys(values);
const scales = (scale: number): Record<string, number> =>
  Object.fromEntries(names.map((name) => [name, scale]));
/** Batches of other sizes may sum in another order; outputs are of size 1 to 10, times scales. */
const CLOSE = 2e-4;

describe('guidance by several conditions', () => {
  it('is the plain model if all scales are 1, and deaf if there are none', () => {
    const plain = model.forward(x, t, values);
    const guided = guidedByConditions(model, x, t, values, { scale: scales(1) });
    expect(maxDifference(guided, plain)).toBeLessThan(CLOSE);
    const deaf = guidedByConditions(model, x, t, values, { scale: {} });
    expect(maxDifference(deaf, model.forward(x, t, {}))).toBeLessThan(CLOSE);
  });

  it('is the same with one scale for all as with that scale for each', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 4, noNaN: true }), (scale) => {
        const one = guidedByConditions(model, x, t, values, { scale });
        const each = guidedByConditions(model, x, t, values, { scale: scales(scale) });
        expect(maxDifference(one, each)).toBeLessThan(CLOSE);
      }),
      { numRuns: 8 },
    );
  });

  it('is the guidance of labels where there are only labels', () => {
    const labelled = randomModel(TINY, key(3));
    const ours = guidedByConditions(labelled, x, t, { label: y }, { scale: 3 });
    const theirs = guidedForward(labelled, x, t, y, { scale: 3 });
    expect(maxDifference(ours, theirs)).toBeLessThan(CLOSE);
  });

  it('adds up effects where conditions are independent, in both forms', () => {
    const ask = (slot: Tensor): Tensor => slot.reshape([-1, 1]);
    const independent = {
      nullConditions: () => ({ a: tensor([0]), b: tensor([0]) }),
      forward: (at: Tensor, _t: Tensor, given: Readonly<Record<string, Tensor>>) =>
        at.add(ask(given['a'])).add(ask(given['b'])),
    };
    const asked = { a: tensor([1]), b: tensor([10]) };
    for (const form of ['nested', 'sum'] as const) {
      const options = { scale: { a: 2, b: 3 }, form };
      const out = guidedByConditions(independent, tensor([[5]]), tensor([0]), asked, options);
      expect(out.toArraySync()).toEqual([[5 + 2 + 30]]);
    }
  });

  it('moves away from what is negative: the same prompt twice leaves nothing to guide', () => {
    const { text } = values as Record<string, Tensor>;
    const options = { scale: 5, negative: { text } };
    const guided = guidedByConditions(model, x, t, { text }, options);
    expect(maxDifference(guided, model.forward(x, t, { text }))).toBeLessThan(CLOSE);
  });

  it('refuses a scale for what is not given', () => {
    expect(() => guidedByConditions(model, x, t, { label: y }, { scale: { text: 2 } })).toThrow(
      "guidedByConditions: there is a scale for 'text', but values for label.",
    );
  });
});
