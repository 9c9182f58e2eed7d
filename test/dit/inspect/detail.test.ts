import { describe, expect, it } from 'vitest';
import { presetConfig, parameterCount } from '@tessera/dit';
import { detailOf } from '../../../packages/dit/src/inspect/detail.ts';

const config = presetConfig('smoke', { design: 'modern' });

describe('one model in detail', () => {
  const { modules, forward, training } = detailOf(config);

  it('has a row for each module, and those of a parent add up', () => {
    const paramsOf = (path: string): number =>
      modules.find((each) => each.path === path)?.params ?? NaN;
    expect(paramsOf('')).toBe(parameterCount(config.model));
    const children = modules.filter(({ path }) => /^blocks\.0\.[^.]+$/.test(path));
    expect(children.map(({ type }) => type)).toEqual([
      'RMSNorm',
      'RotaryAttention',
      'RMSNorm',
      'SwiGlu',
      'Modulation',
    ]);
    expect(children.reduce((sum, { params }) => sum + params, 0)).toBe(paramsOf('blocks.0'));
  });

  it('keeps attention fused where queries and keys are turned', () => {
    const { depth } = config.model;
    expect(forward.kernels.kinds.attention).toBe(depth);
    expect(training.kernels.kinds).toMatchObject({ attention: depth, attentionGrad: depth });
    const { total, kinds } = training.kernels;
    expect(Object.values(kinds).reduce((sum, count) => sum + count, 0)).toBe(total);
  });

  it('has five kernels a block more than adaLN-Zero', () => {
    const official = detailOf(presetConfig('smoke')).forward.kernels;
    // Two turns; for each RMS norm a sum and its root, where a layer norm has one kernel; the product of the
    // gated MLP, where GELU is done while the matrix product is at hand.
    expect(forward.kernels.total - official.total).toBeLessThanOrEqual(5 * config.model.depth);
  });

  it('counts the memory of a step: four copies of the weights, and less for fewer latents', () => {
    const { stateBytes, arenaBytes } = training;
    const weights = 4 * parameterCount(config.model);
    // The position table is no weight, but stands in all four.
    expect(stateBytes / (4 * weights)).toBeCloseTo(1, 2);
    const fewer = detailOf({ ...config, batch: 8 }).training;
    expect(fewer.stateBytes).toBe(stateBytes);
    expect(fewer.arenaBytes).toBeLessThan(arenaBytes);
  });

  it('counts the branch of a ControlNet as what is trained, and the model below as what stays', () => {
    const smoke = presetConfig('smoke', { objective: 'eps' });
    const branch = {
      kind: 'control',
      name: 'depth',
      size: 32,
      channels: 1,
      blocks: 2,
      dropoutProb: 0,
    } as const;
    const control = { ...smoke, model: { ...smoke.model, conditions: [branch] } };
    const [own, whole] = [detailOf(control), detailOf(smoke)];
    const params = parameterCount(control.model) - parameterCount(smoke.model);
    expect(own.training.params).toBe(params);
    expect(own.training.stateBytes / (4 * 4 * params)).toBeCloseTo(1, 2);
    expect(own.training.frozenBytes / (4 * parameterCount(smoke.model))).toBeCloseTo(1, 1);
    // The weights below get no gradients, moments and averages, but the gradient of the loss passes through them.
    expect(own.training.stateBytes).toBeLessThan(whole.training.stateBytes);
    expect(own.training.kernels.kinds).toMatchObject({ attention: smoke.model.depth + 2 });
    expect(whole.training).toMatchObject({
      params: parameterCount(smoke.model),
      frozenBytes: 0,
    });
  });

  it('counts every average that a run keeps, and the one moment of Muon', () => {
    const smoke = presetConfig('smoke');
    const more = { ...smoke, optimizer: { ...smoke.optimizer, emaDecays: [0.9, 0.99] } };
    const [plain, averaged] = [smoke, more].map((each) => detailOf(each).training.stateBytes);
    expect(averaged / plain).toBeCloseTo(6 / 4, 2);
    const muon = { ...smoke, optimizer: { ...smoke.optimizer, name: 'muon' as const } };
    expect(detailOf(muon).training.stateBytes).toBeLessThan(plain);
  });

  it('counts the teacher of a flow map', () => {
    const smoke = presetConfig('smoke');
    const flow = { ...smoke, diffusion: { ...smoke.diffusion, objective: 'flow' as const } };
    const map = {
      ...flow,
      model: { ...flow.model, decoderDepth: 1 },
      diffusion: { ...flow.diffusion, objective: 'mean-flow' as const },
    };
    const [ofFlow, ofMap] = [flow, map].map((each) => detailOf(each).training);
    expect(ofMap.stateBytes).toBe(ofFlow.stateBytes);
    expect(ofMap.frozenBytes / (ofMap.stateBytes / 4)).toBeCloseTo(1, 2);
    // Forward and backward of a flow are each block's attention once; a map adds its derivative's and its teacher's.
    expect(ofMap.kernels.total).toBeGreaterThan(1.5 * ofFlow.kernels.total);
  });
});
