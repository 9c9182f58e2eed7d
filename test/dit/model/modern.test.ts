import { gradcheck } from '@tessera/autograd';
import {
  diffusionLoss,
  DiT,
  ModernBlock,
  officialStart,
  parameterCount,
  trainStep,
  initialState,
  type ModelConfig,
} from '@tessera/dit';
import { presetConfig } from '@tessera/dit/node';
import { compile, key, normal, tensor, tree, type Tensor } from '@tessera/tensor';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { rotaryTables, rotate } from '../../../packages/dit/src/model/rotary.ts';
import { maxDifference, randomInputs, randomModel, TINY } from './sizes.ts';

const MODERN: ModelConfig = { ...TINY, design: 'modern' };

describe('rotary positions', () => {
  it('make scores depend on differences of places alone', () => {
    const side = fc.integer({ min: 1, max: 5 });
    const place = fc.integer({ min: 0, max: 4 });
    const width = fc.constantFrom(4, 8, 16);
    fc.assert(
      fc.property(side, side, place, place, width, fc.nat(1000), (down, right, r, c, E, seed) => {
        // The same query and the same key at every place of a grid of 10×10.
        const tables = rotaryTables([10, 10], E);
        const everywhere = (random: Tensor): Tensor =>
          rotate(normal(random, [1, 1, 1, E]).expand([1, 1, 100, E]), tables).select(0, 0);
        const [q, k] = [everywhere(key(seed)), everywhere(key(seed + 1))].map((x) => x.squeeze(0));
        const score = (row: number, column: number): number =>
          q
            .select(0, 10 * row + column)
            .mul(k.select(0, 10 * (row + down - 1) + (column + right - 1)))
            .sum()
            .itemSync();
        // Sums of 16 products of size 1 in float32.
        expect(Math.abs(score(r, c) - score(0, 0))).toBeLessThan(1e-5 * E);
      }),
      { numRuns: 20 },
    );
  });

  it('keep lengths, and leave the first patch as it is', () => {
    const x = normal(key(0), [2, 3, 6, 8]);
    const turned = rotate(x, rotaryTables([2, 3], 8));
    // Rounding of sums of 8 squares of size 1.
    expect(maxDifference(turned.square().sum(-1), x.square().sum(-1))).toBeLessThan(2e-5);
    expect(maxDifference(turned.slice([null, null, [0, 1]]), x.slice([null, null, [0, 1]]))).toBe(
      0,
    );
  });

  it('tell rows from columns', () => {
    const x = normal(key(0), [1, 1, 1, 8]).expand([1, 1, 4, 8]);
    const turned = rotate(x, rotaryTables([2, 2], 8)).reshape([4, 8]);
    expect(maxDifference(turned.select(0, 1), turned.select(0, 2))).toBeGreaterThan(0.01);
  });
});

describe('the modern block', () => {
  const sizes = { width: 8, heads: 2, hidden: 16, grid: [1, 3] as const };
  const start = { key: key(3), start: officialStart };

  test.each([false, true])('has the gradient of finite differences; qkNorm: %s', async (qkNorm) => {
    const blank = new ModernBlock({ ...sizes, qkNorm }, start);
    let next = 10;
    const block = tree.map((leaf) => normal(key(next++), leaf.shape).mul(0.5), blank);
    const [tokens, condition] = [normal(key(1), [2, 3, 8]), normal(key(2), [2, 8])];
    const forward = (b: ModernBlock, x: Tensor, c: Tensor): Tensor =>
      b.forward(x, c).square().mean();
    const check = gradcheck(forward, [block, tokens, condition], { directions: 3, step: 2e-3 });
    await expect(check).resolves.toBeDefined();
  });

  it('hears where its patches stand', () => {
    const model = randomModel({ ...MODERN, inputSize: [4, 8] }, key(0));
    const still = Object.assign(
      tree.map((leaf) => leaf, model),
      {
        pos_embed: tree.map((leaf) => leaf.mul(0), model.pos_embed),
      },
    );
    const { x, t, y } = randomInputs({ ...MODERN, inputSize: [4, 8] }, 1, key(1));
    const flipped = still.forward(x.flip(-1), t, y).flip(-1);
    expect(maxDifference(flipped, still.forward(x, t, y))).toBeGreaterThan(1e-3);
  });

  it('refuses what it cannot turn', () => {
    expect(() => new ModernBlock({ width: 8, heads: 2, hidden: 16 }, start)).toThrow(
      'ModernBlock: sizes need the grid of patches. Write { …, grid: [rows, columns] }.',
    );
    expect(() => DiT.blank({ ...MODERN, numHeads: 8 })).toThrow(
      'the design modern turns heads along two axes, so their width must be a multiple of 4, but hiddenSize 16 / numHeads 8 is 2',
    );
    expect(() => DiT.blank({ ...TINY, qkNorm: true })).toThrow(
      'qkNorm true belongs to the design modern, but the design is adaln-zero.',
    );
  });

  it('has about the weights of adaLN-Zero: its MLP has three matrices of two thirds', () => {
    const config = { ...TINY, hiddenSize: 96, numHeads: 4 };
    const [plain, gated] = [config, { ...config, design: 'modern' } as const].map(parameterCount);
    expect(Math.abs(gated / plain - 1)).toBeLessThan(0.01);
  });
});

test('a training step of the modern design is the same compiled, checkpointed and accumulated', () => {
  const base = presetConfig('smoke', { design: 'modern' });
  const config = { ...base, model: { ...base.model, hiddenSize: 16, depth: 2, qkNorm: true } };
  const posterior = {
    mean: normal(key(1), [4, 4, 8, 8]),
    logVariance: normal(key(2), [4, 4, 8, 8]),
  };
  const batch = { posterior, labels: tensor([3, 1, 4, 1], { dtype: 'int32' }) };
  const state = initialState(DiT.init(config.model, key(0)), key(5));
  const lossAfter = (checkpoint: number, accumulate: number, compiled: boolean): number => {
    const loss = diffusionLoss(config, 1, { checkpoint });
    const step = trainStep(loss, { ...config.optimizer, warmupSteps: 0 }, 10, { accumulate });
    const run = compiled ? compile(step) : step;
    const [second] = run(state, batch);
    return run(second, batch)[1].loss.itemSync();
  };
  const expected = lossAfter(0, 1, false);
  // The second loss follows one update; losses of size 1 are summed in another order.
  expect(lossAfter(0, 1, true)).toBeCloseTo(expected, 4);
  expect(lossAfter(2, 2, true)).toBeCloseTo(expected, 4);
});
