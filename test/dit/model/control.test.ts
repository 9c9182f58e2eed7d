import { describe, expect, it, test } from 'vitest';
import { compile, key, ones, tree, zeros, type Tensor } from '@tessera/tensor';
import { gradcheck } from '@tessera/autograd';
import { namedTensors, withFields } from '@tessera/autograd/nn';
import {
  branchLoss,
  branchOf,
  compiledTrainStep,
  DESIGNS,
  diffusionLoss,
  DiT,
  encodeModule,
  guidedByConditions,
  initialState,
  loadModule,
  presetConfig,
  withBranch,
  withControl,
  withControlScale,
  type ModelConfig,
} from '@tessera/dit';
import { ALL_CONDITIONS, randomConditions } from './conditions.ts';
import { maxDifference, randomInputs, randomModel, TINY } from './sizes.ts';

const CONTROL = { name: 'edges', size: 8, channels: 1, blocks: 1, dropoutProb: 0 };
const text = ALL_CONDITIONS.filter(({ kind }) => kind === 'text');
const { x, t, y } = randomInputs(TINY, 3, key(1));

/** A trained model with a branch whose weights are not special, and values of all conditions. */
function controlled(config: ModelConfig): {
  trunk: DiT;
  model: DiT;
  values: Record<string, Tensor>;
} {
  const trunk = randomModel(config, key(0));
  const fresh = withControl(trunk, CONTROL, key(2));
  const branch = branchOf(randomModel(fresh.config, key(5)), 'edges');
  const model = withBranch(fresh, 'edges', branch);
  return { trunk, model, values: { ...randomConditions(model, 3, key(3)), label: y } };
}

/** The weights of a model under the names of a model without the branch. */
function weightsOf(model: DiT, like: DiT): readonly unknown[] {
  const all = new Map(namedTensors(model));
  return [...namedTensors(like)].map(([name]) => [name, all.get(name)?.dataSync()]);
}

describe.each(DESIGNS)('a branch on the %s design', (design) => {
  test.each([
    ['labels', { ...TINY, design }],
    ['labels and texts', { ...TINY, design, conditions: text }],
  ] as const)('computes bit for bit what the model does at first, with %s', (_name, config) => {
    const trunk = randomModel(config, key(0));
    const forward = compile((m: DiT, ...rest: Parameters<DiT['forward']>) => m.forward(...rest));
    const model = withControl(trunk, { ...CONTROL, blocks: TINY.depth }, key(2));
    const values = { ...randomConditions(model, 3, key(3)), label: y };
    const { edges: _edges, ...own } = values as Record<string, Tensor>;
    const expected = trunk.forward(x, t, own);
    expect(model.forward(x, t, values).dataSync()).toEqual(expected.dataSync());
    expect(forward(model, x, t, values).dataSync()).toEqual(forward(trunk, x, t, own).dataSync());
    const names = [...new Map(namedTensors(model)).keys()];
    for (const [name, weights] of namedTensors(trunk)) {
      expect(new Map(namedTensors(model)).get(name)?.dataSync(), name).toEqual(weights.dataSync());
    }
    expect(names).toContain('conditions.edges.blocks.0.attn.qkv.weight');
    expect(names).toContain('conditions.edges.outputs.1.weight');
  });

  test('is heard once it is trained, and silent where the map is the null', () => {
    const { trunk, model, values } = controlled({ ...TINY, design });
    const alone = trunk.forward(x, t, y);
    expect(maxDifference(model.forward(x, t, values), alone)).toBeGreaterThan(1e-3);
    expect(model.forward(x, t, y).dataSync()).toEqual(alone.dataSync());
  });

  test('has the right gradient', async () => {
    const { model, values } = controlled({ ...TINY, design, depth: 1 });
    expect([...namedTensors(branchOf(model, 'edges'))].length).toBeGreaterThan(8);
    await gradcheck(
      (branch: ReturnType<typeof branchOf>) =>
        withBranch(model, 'edges', branch).forward(x, t, values),
      [branchOf(model, 'edges')],
      // As for conditions: the random weights bend the function.
      { directions: 2, step: 2e-3 },
    );
  });
});

describe('a branch', () => {
  const { trunk, model, values } = controlled(TINY);

  it('counts as much as its scale says', () => {
    const at = (scale: number): Tensor => withControlScale(model, scale).forward(x, t, values);
    expect(at(1).dataSync()).toEqual(model.forward(x, t, values).dataSync());
    expect(at(0).dataSync()).toEqual(trunk.forward(x, t, y).dataSync());
    expect(maxDifference(at(0.5), at(1))).toBeGreaterThan(1e-4);
  });

  it('is guided by as any condition', () => {
    const { edges } = values;
    const one = { label: y, edges };
    const guide = (scale: Record<string, number>): Tensor =>
      guidedByConditions(model, x, t, one, { scale });
    // e(label) + s (e(label, edges) − e(label)); batches of other sizes may sum in another order.
    const alone = trunk.forward(x, t, y);
    const both = model.forward(x, t, one);
    expect(maxDifference(guide({ edges: 0 }), alone)).toBeLessThan(5e-5);
    expect(maxDifference(guide({ edges: 3 }), alone.add(both.sub(alone).mul(3)))).toBeLessThan(
      5e-4,
    );
  });

  it('is written and read with the model', async () => {
    const read = loadModule(await encodeModule(model), DiT.blank(model.config));
    expect(read.forward(x, t, values).dataSync()).toEqual(model.forward(x, t, values).dataSync());
  });

  it('is refused where it does not fit', () => {
    expect(() => withControl(trunk, { ...CONTROL, blocks: 9 }, key(0))).toThrow(
      "the branch 'edges' has 9 blocks, but the model has 2",
    );
    expect(() => withControl(model, CONTROL, key(0))).toThrow('must have different names');
    expect(() => withControl(trunk, { ...CONTROL, size: 6 }, key(0))).toThrow('no multiple');
    expect(() => withControlScale(trunk, 0.5)).toThrow('the model has no branch');
    expect(() => branchOf(trunk, 'edges')).toThrow("the model has no branch 'edges'");
  });
});

describe('training a branch', () => {
  const config = { ...presetConfig('smoke'), model: TINY };
  const optimizer = { ...config.optimizer, weightDecay: 0.1, warmupSteps: 0 };
  const model = withControl(randomModel(TINY, key(0)), CONTROL, key(2));
  const posterior = { mean: x, logVariance: zeros(x.shape) };
  const batch = { posterior, labels: { label: y, edges: ones([3, 1, 8, 8]) } };

  it('leaves the weights of the model as they are, and changes those of the branch', () => {
    const before = weightsOf(model, randomModel(TINY, key(0)));
    const loss = branchLoss(diffusionLoss(config, 1), model, 'edges');
    const step = compiledTrainStep(loss, optimizer, 4);
    let state = initialState(branchOf(model, 'edges'), key(3));
    for (let i = 0; i < 3; i++) [state] = step(state, batch);
    // The state has the branch, its average and two moments of it, and nothing of the model.
    const own = tree.leaves(branchOf(model, 'edges')).length;
    expect(tree.leaves([state.model, state.average]).length).toBe(2 * own);
    const trained = withBranch(model, 'edges', state.average);
    expect(weightsOf(trained, randomModel(TINY, key(0)))).toEqual(before);
    const asked = { label: y, edges: batch.labels.edges };
    expect(maxDifference(trained.forward(x, t, asked), model.forward(x, t, asked))).toBeGreaterThan(
      0,
    );
  });

  it('computes no gradient of the weights of the model', () => {
    const products = (plan: string): number =>
      plan.split('\n').filter((l) => l.includes('matmul')).length;
    const branchStep = compiledTrainStep(
      branchLoss(diffusionLoss(config, 1), model, 'edges'),
      optimizer,
      4,
    );
    const wholeStep = compiledTrainStep(diffusionLoss(config, 1), optimizer, 4);
    const branch = products(
      branchStep.stages(initialState(branchOf(model, 'edges'), key(3)), batch).plan,
    );
    const whole = products(wholeStep.stages(initialState(model, key(3)), batch).plan);
    // One product for the gradient of each matrix of the model; the label table has none.
    const matrices = [...namedTensors(randomModel(TINY, key(0)))].filter(
      ([name, { shape }]) => shape.length >= 2 && /(weight)$/.test(name) && !name.includes('table'),
    ).length;
    expect(whole - branch).toBeGreaterThanOrEqual(matrices);
  });

  it('takes micro-batches with the draws of the whole batch', () => {
    const loss = branchLoss(diffusionLoss(config, 1), model, 'edges');
    expect(loss.parts).toBeDefined();
    const branch = withFields(branchOf(model, 'edges'), {});
    const direct = loss(branch, batch, key(4)).itemSync();
    const drawn = loss.parts?.draw(branch, batch, key(4));
    expect(loss.parts?.lossOf(branch, drawn).itemSync()).toBe(direct);
  });
});
