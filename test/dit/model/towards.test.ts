import { key, tensor } from '@tessera/tensor';
import { DESIGNS } from '@tessera/dit';
import { describe, expect, it } from 'vitest';
import { ALL_CONDITIONS, randomConditions } from './conditions.ts';
import { maxDifference, randomInputs, randomModel, TINY } from './sizes.ts';

const edges = {
  kind: 'control',
  name: 'edges',
  size: 8,
  channels: 1,
  blocks: 1,
  dropoutProb: 0,
} as const;

/** Batches of other sums round in another order; outputs are of size 1 and more. */
const CLOSE = 1e-4;

describe.each(DESIGNS)('a model on the way to other conditions, %s', (design) => {
  const config = { ...TINY, design, conditions: [...ALL_CONDITIONS, edges] };
  const model = randomModel(config, key(0));
  const { x, t, y } = randomInputs(config, 3, key(1));
  const all = { ...randomConditions(model, 3, key(2)), label: y };
  const others = randomConditions(model, 3, key(3));

  it.each([
    ['others', others],
    ['none', {}],
  ])('is at its ends what it is with one of them: from all to %s', (_name, to) => {
    const at = (...shares: number[]): ReturnType<typeof model.forward> =>
      model.forward(x, t, all, { towards: { y: to, share: tensor(shares) } });
    const [first, last] = [model.forward(x, t, all), model.forward(x, t, to)];
    expect(maxDifference(at(0, 0, 0), first)).toBeLessThan(CLOSE);
    expect(maxDifference(at(1, 1, 1), last)).toBeLessThan(CLOSE);
    const middle = at(0.5, 0.5, 0.5);
    expect(maxDifference(middle, first)).toBeGreaterThan(10 * CLOSE);
    expect(maxDifference(middle, last)).toBeGreaterThan(10 * CLOSE);
    const mixed = at(0, 1, 0.5);
    for (const [i, own] of [first, last, middle].entries()) {
      expect(maxDifference(mixed.slice([[i, i + 1]]), own.slice([[i, i + 1]]))).toBeLessThan(CLOSE);
    }
  });
});
