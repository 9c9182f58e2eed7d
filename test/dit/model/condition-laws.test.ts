import fc from 'fast-check';
import { gradcheck } from '@tessera/autograd';
import { guidedByConditions, withConditions, type DiT } from '@tessera/dit';
import { key, type Tensor } from '@tessera/tensor';
import { describe, expect, it } from 'vitest';
import { anyConfig, asked, inputs } from './conditions.ts';
import { maxDifference, randomModel } from './sizes.ts';

/** Batches of other sizes may sum in another order: a share of the largest output, times the scales. */
const CLOSE = 2e-4;

const scales = fc.double({ min: -2, max: 5, noNaN: true });

describe('a model of any design, sizes and set of conditions', () => {
  it('has the gradient of finite differences through all of its weights', async () => {
    await fc.assert(
      fc.asyncProperty(anyConfig, fc.nat(1000), async (config, seed) => {
        const model = randomModel({ ...config, depth: 1 }, key(seed));
        const { x, t, y } = inputs(config, 1, seed);
        const values = asked(model, y, key(seed + 1));
        const forward = (m: DiT): Tensor => m.forward(x, t, values).square().mean();
        await gradcheck(forward, [model], { directions: 1, step: 1e-3 });
      }),
      { numRuns: 5 },
    );
  });

  it('is at first, with its conditions added to a trained model, that model to the bit', () => {
    fc.assert(
      fc.property(anyConfig, fc.nat(1000), ({ conditions = [], ...plain }, seed) => {
        const base = randomModel(plain, key(seed));
        const extended = withConditions(base, conditions, key(seed + 1));
        const { x, t, y } = inputs(plain, 2, seed);
        const values = asked(extended, y, key(seed + 2));
        const expected = base.forward(x, t, asked(base, y, key(0))).dataSync();
        expect(extended.forward(x, t, values).dataSync()).toEqual(expected);
      }),
      { numRuns: 20 },
    );
  });

  it('is guided along the line from what it says of nothing to what it says of all', () => {
    fc.assert(
      fc.property(anyConfig, scales, fc.nat(1000), (config, scale, seed) => {
        const model = randomModel(config, key(seed));
        const { x, t, y } = inputs(config, 2, seed);
        const values = asked(model, y, key(seed + 1));
        const own = (output: Tensor): Tensor => output.slice([[], [0, config.inChannels]]);
        const [none, all] = [{}, values].map((given) => own(model.forward(x, t, given)));
        const size = Math.max(1, none.abs().max().itemSync(), all.abs().max().itemSync());
        const close = CLOSE * size * (1 + Math.abs(scale));
        const guided = guidedByConditions(model, x, t, values, { scale });
        const line = none.add(all.sub(none).mul(scale));
        expect(maxDifference(own(guided), line)).toBeLessThan(close);
        const each = Object.fromEntries(Object.keys(values).map((name) => [name, scale]));
        const byName = guidedByConditions(model, x, t, values, { scale: each });
        expect(maxDifference(byName, guided)).toBeLessThan(4 * close);
      }),
      { numRuns: 15 },
    );
  });

  it('is told what has no scale, and its guided outputs add up condition by condition', () => {
    fc.assert(
      fc.property(anyConfig, scales, scales, fc.nat(1000), (config, first, second, seed) => {
        const model = randomModel(config, key(seed));
        const { x, t, y } = inputs(config, 2, seed);
        const values = asked(model, y, key(seed + 1));
        const names = Object.keys(values);
        fc.pre(names.length > 1);
        const [a, b] = names;
        const without = (...left: readonly string[]): Tensor => {
          const kept = names.filter((name) => !left.includes(name));
          const given = Object.fromEntries(kept.map((name) => [name, values[name]]));
          return model.forward(x, t, given).slice([[], [0, config.inChannels]]);
        };
        const [neither, one, both] = [without(a, b), without(b), without()];
        const line = neither.add(one.sub(neither).mul(first)).add(both.sub(one).mul(second));
        const scale = { [a]: first, [b]: second };
        const guided = guidedByConditions(model, x, t, values, { scale });
        const sizes = [neither, one, both].map((output) => output.abs().max().itemSync());
        const close = CLOSE * Math.max(1, ...sizes) * (1 + Math.abs(first) + Math.abs(second));
        const own = guided.slice([[], [0, config.inChannels]]);
        expect(maxDifference(own, line)).toBeLessThan(close);
      }),
      { numRuns: 10 },
    );
  });
});
