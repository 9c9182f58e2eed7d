// The changes that presets take, and how runs of another objective draw.

import { describe, expect, test } from 'vitest';
import {
  changedDiffusion,
  changedSampling,
  presetConfig,
  type PresetChanges,
} from '../../packages/dit/src/config/presets.ts';

const base = presetConfig('quick');

describe('a preset', () => {
  test('of another objective draws with as many calls of the model, without settings of the old sampler', () => {
    const { guidance, guidanceInterval } = base.sampling;
    const noisy = { ...base.sampling, eta: 0.5, spacing: 'trailing' } as const;
    expect(changedSampling(noisy, 'eps')).toBe(noisy);
    const heun = { guidance, sampler: 'heun', steps: 25 } as const;
    expect(changedSampling(noisy, 'flow')).toEqual({ ...heun, guidanceInterval });
    expect(changedSampling(heun, 'v')).toBe(heun);
    expect(changedSampling(heun, 'v', 'flow')).toEqual({ ...heun, sampler: 'ddim', steps: 50 });
    expect(changedSampling(heun, 'flow', 'v')).toEqual(heun);
    expect(changedSampling({ ...heun, spacing: 'even' }, 'flow')).toEqual(heun);
    const ddim = { guidance, sampler: 'ddim', steps: 50 };
    expect(changedSampling({ ...heun, sampler: 'midpoint' }, 'v')).toEqual(ddim);
    expect(changedSampling({ ...heun, sampler: 'euler' }, 'v')).toEqual({ ...ddim, steps: 25 });
  });

  test('guides a label where that was measured, on the noise schedule', () => {
    const intervalOf = (changes: PresetChanges): unknown =>
      presetConfig('quick', changes).sampling.guidanceInterval;
    expect(intervalOf({})).toEqual([0, 730]);
    expect(presetConfig('smoke').sampling.guidanceInterval).toBeUndefined();
    expect(intervalOf({ objective: 'flow' })).toBeUndefined();
    expect(intervalOf({ conditions: ['label', 'text'] })).toBeUndefined();
    expect(intervalOf({ conditions: ['none'] })).toBeUndefined();
  });

  test('of another weighting has no bound of the old one', () => {
    const bounded = { ...base.diffusion, weighting: 'min-snr', gamma: 3 } as const;
    expect(changedDiffusion(bounded, {})).toEqual(bounded);
    expect(changedDiffusion(bounded, { weighting: 'min-snr' })).toEqual(bounded);
    expect(changedDiffusion(bounded, { weighting: 'none' })).toEqual({
      ...base.diffusion,
      weighting: 'none',
    });
  });

  test('of no condition and some is refused', () => {
    expect(() => presetConfig('smoke', { conditions: ['label', 'none'] })).toThrow(
      'presetConfig: the conditions label, none are none and some. Leave none out, or name it alone.',
    );
    expect(presetConfig('smoke', { conditions: ['none'] }).model.numClasses).toBe(0);
  });
});
