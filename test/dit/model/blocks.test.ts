import { describe, expect, it, test } from 'vitest';
import { compile, key, normal, tree, zeros, type Tensor } from '@tessera/tensor';
import { blockDesigns, modulate, officialStart, type Block } from '@tessera/dit';
import { valueAndGrad } from '@tessera/autograd';
import { DESIGNS } from '../../../packages/dit/src/config/choices.ts';
import { maxDifference } from './sizes.ts';

const SIZES = { width: 16, heads: 4, hidden: 40, grid: [1, 5] as const };
const tokens = normal(key(0), [2, 5, 16]);
const timestep = normal(key(1), [2, 16]);
const label = normal(key(2), [2, 16]);

describe.each(DESIGNS)('the %s block', (name) => {
  const design = blockDesigns[name];
  const block = design.createBlock(SIZES, { key: key(3), start: officialStart });
  const run = (model: Block, x: Tensor, t: Tensor, y: Tensor): Tensor => {
    const condition = design.condition(t, y);
    return design.leave(model.forward(design.enter(x, condition), condition));
  };

  test('keeps the shape of the tokens', () => {
    expect(run(block, tokens, timestep, label).shape).toEqual(tokens.shape);
  });

  test('hears timestep and label once its weights are not special', () => {
    const keys = tree.leaves(block).map((_, i) => key(100 + i));
    let next = 0;
    const random = tree.map((leaf) => normal(keys[next++], leaf.shape).mul(0.3), block);
    const y = run(random, tokens, timestep, label);
    expect(maxDifference(y, run(random, tokens, timestep.neg(), label))).toBeGreaterThan(1e-3);
    expect(maxDifference(y, run(random, tokens, timestep, label.neg()))).toBeGreaterThan(1e-3);
  });

  test('gives the same compiled as eagerly, gradient included', () => {
    const lossAndGrad = valueAndGrad((model: Block, x: Tensor) =>
      run(model, x, timestep, label).square().mean(),
    );
    const eager = lossAndGrad(block, tokens);
    const compiled = compile(lossAndGrad)(block, tokens);
    // The same operations; fused kernels may keep intermediate results in float64.
    expect(compiled.value.itemSync()).toBeCloseTo(eager.value.itemSync(), 5);
    const expected = tree.leaves(eager.grads);
    tree.leaves(compiled.grads).forEach((gradient, i) => {
      expect(maxDifference(gradient, expected[i])).toBeLessThan(1e-5);
    });
  });
});

describe('adaLN-Zero', () => {
  it.each(['adaln-zero', 'modern'] as const)('starts as the identity: %s', (design) => {
    const block = blockDesigns[design].createBlock(SIZES, {
      key: key(3),
      start: officialStart,
    });
    expect(maxDifference(block.forward(tokens, timestep.add(label)), tokens)).toBe(0);
  });

  it('gates the branches that adaLN adds as they are', () => {
    const start = { key: key(3), start: officialStart };
    const plain = blockDesigns.adaln.createBlock(SIZES, start);
    const condition = timestep.add(label);
    expect(maxDifference(plain.forward(tokens, condition), tokens)).toBeGreaterThan(0.1);
  });
});

describe('in-context conditioning', () => {
  it('puts timestep and label in front of the patches and takes them away', () => {
    const design = blockDesigns['in-context'];
    const entered = design.enter(tokens, design.condition(timestep, label));
    expect(entered.shape).toEqual([2, 7, 16]);
    expect(maxDifference(entered.select(1, 0), timestep)).toBe(0);
    expect(maxDifference(entered.select(1, 1), label)).toBe(0);
    expect(maxDifference(design.leave(entered), tokens)).toBe(0);
  });
});

describe('modulate', () => {
  it('scales by 1 + scale and shifts, the same for all tokens', () => {
    const still = zeros([2, 16]);
    expect(maxDifference(modulate(tokens, still, still), tokens)).toBe(0);
    const y = modulate(tokens, still.add(3), still.add(1));
    expect(maxDifference(y, tokens.mul(2).add(3))).toBe(0);
  });
});
