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
    // Forward and backward of a flow are each block's attention once; a map adds its derivative's and its teacher's.
    expect(ofMap.kernels.total).toBeGreaterThan(1.5 * ofFlow.kernels.total);
  });
});
