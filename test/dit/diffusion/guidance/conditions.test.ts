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
/** The channels of x; those behind them are a learned variance. */
const OWN = [[], [0, TINY.inChannels]] as const;
/** Batches of other sizes may sum in another order; outputs are of size 1 to 10, times scales. */
const CLOSE = 2e-4;

describe('guidance by several conditions', () => {
  it('is the plain model if all scales are 1, and deaf if all are 0', () => {
    const plain = model.forward(x, t, values);
    const guided = guidedByConditions(model, x, t, values, { scale: scales(1) });
    expect(maxDifference(guided, plain)).toBeLessThan(CLOSE);
    const deaf = guidedByConditions(model, x, t, values, { scale: scales(0) });
    const silent = model.forward(x, t, {});
    expect(maxDifference(deaf.slice(OWN), silent.slice(OWN))).toBeLessThan(CLOSE);
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

  it('takes a condition without a scale for one with scale 1', () => {
    const { text, ...others } = scales(1);
    expect(text).toBe(1);
    const some = guidedByConditions(model, x, t, values, { scale: { text: 3 } });
    const each = guidedByConditions(model, x, t, values, { scale: { ...others, text: 3 } });
    expect(maxDifference(some, each)).toBeLessThan(CLOSE);
    const none = guidedByConditions(model, x, t, values, { scale: {} });
    expect(maxDifference(none, model.forward(x, t, values))).toBeLessThan(CLOSE);
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

  it('leads away from a negative of what is not asked for', () => {
    const { text } = values as Record<string, Tensor>;
    const [away, label] = [model.forward(x, t, { text }), model.forward(x, t, { label: y })];
    const expected = away.add(label.sub(away).mul(3)).slice(OWN);
    for (const scale of [3, { label: 3 }]) {
      const guided = guidedByConditions(model, x, t, { label: y }, { scale, negative: { text } });
      expect(maxDifference(guided.slice(OWN), expected)).toBeLessThan(CLOSE);
    }
  });

  it('keeps a negative until its condition is added', () => {
    const { text } = values as Record<string, Tensor>;
    const negative = { text: text.flip(0) };
    const scale = { label: 2, text: 3 };
    const guided = guidedByConditions(model, x, t, { label: y, text }, { scale, negative });
    const none = model.forward(x, t, negative);
    const label = model.forward(x, t, { label: y, ...negative });
    const both = model.forward(x, t, { label: y, text });
    const expected = none.add(label.sub(none).mul(2)).add(both.sub(label).mul(3));
    expect(maxDifference(guided.slice(OWN), expected.slice(OWN))).toBeLessThan(CLOSE);
  });

  it('refuses a negative that changes nothing, and what the model does not know', () => {
    const { text } = values as Record<string, Tensor>;
    const all = { label: y, text };
    const negative = { text };
    const away = "guidedByConditions: there is a negative 'text', but no scale leads away from it.";
    for (const scale of [{ label: 2 }, {}]) {
      expect(() => guidedByConditions(model, x, t, all, { scale, negative })).toThrow(away);
    }
    const colour = { colour: text };
    const unknown =
      "guidedByConditions: the model has no condition 'colour'. It has label, writer,";
    expect(() => guidedByConditions(model, x, t, colour, { scale: 2 })).toThrow(unknown);
    expect(() => guidedByConditions(model, x, t, all, { scale: 2, negative: colour })).toThrow(
      unknown,
    );
  });

  it('refuses a scale for what is not given', () => {
    expect(() => guidedByConditions(model, x, t, { label: y }, { scale: { text: 2 } })).toThrow(
      "guidedByConditions: there is a scale for 'text', but values for label.",
    );
  });
});
