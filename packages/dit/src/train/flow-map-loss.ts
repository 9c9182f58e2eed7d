// The loss of a DiT that becomes a flow map: it follows the guided flow of a trained one.

import { Tensor } from '@tessera/tensor';
import { checkFields } from '../config/argument-check.ts';
import type { TrainConfig } from '../config/config.ts';
import { MAP_GUIDANCE } from '../config/diffusion-config.ts';
import { guidedByConditions } from '../diffusion/guidance/conditions.ts';
import { guidedForward } from '../diffusion/guidance/guidance.ts';
import { drawIntervals, type IntervalOptions } from '../diffusion/objective/intervals.ts';
import { meanFlowLosses, type FlowMap, type MapBatch } from '../diffusion/objective/mean-flow.ts';
import { flowSample } from '../diffusion/process/flow.ts';
import { runDiffusion } from '../diffusion/run-diffusion.ts';
import type { Conditioning } from '../model/conditions/conditions.ts';
import type { DiT } from '../model/dit.ts';
import {
  checkLossConfig,
  diffusionLoss,
  drawNoise,
  rememberingLoss,
  type DiffusionBatch,
  type LossMemory,
} from './diffusion-loss.ts';
import { lossOfDraws, type Loss, type RememberingLoss } from './step.ts';

/** What the loss draws: latents on the way, the teacher's velocity there, steps, and what the model is asked for. */
interface DrawnSteps extends MapBatch {
  readonly y: Conditioning;
}

/**
 * The loss of a flow map on a batch of posteriors, which learns from a trained flow, the teacher. Latents are drawn,
 * scaled and noised at drawn times, as in `diffusionLoss`. There the teacher says the velocity under guidance, and the
 * map is to agree with it by {@link meanFlowLosses}. So the guidance is part of the map, and a step of its sampler is
 * one call of the model. Where all conditions of a sample are dropped, the map learns the flow without guidance.
 *
 * Sources: Lee et al. 2025, "Decoupled MeanFlow: turning flow models into flow maps for accelerated sampling"; Geng et
 * al. 2025, "Mean flows for one-step generative modeling", section 4.2, for guidance as a part of the field.
 *
 * @param config Has the objective `mean-flow`, see `flowMapConfig`.
 * @param latentScale The factor that brings latents to unit variance, the teacher's.
 * @param teacher A DiT that was trained with the objective `flow`. It does not change.
 * @param options `checkpoint`: blocks that are computed again in the backward pass, as {@link DiT.forward} says.
 * @example
 * const flow = presetConfig('smoke', { objective: 'flow' });
 * const config = flowMapConfig({ ...flow, latentScale: 1 }, 'runs/flow');
 * const [teacher, map] = [flow, config].map(({ model }) => DiT.init(model, key(0)));
 * const posterior = { mean: zeros([2, 4, 8, 8]), logVariance: zeros([2, 4, 8, 8]) };
 * const batch = { posterior, labels: tensor([3, 1], { dtype: 'int32' }) };
 * flowMapLoss(config, 1, teacher)(map, batch, key(1)); // 0: a model that starts at zero stands still
 */
export function flowMapLoss(
  config: TrainConfig,
  latentScale: number,
  teacher: DiT,
  options: LossMemory = {},
): Loss<DiT, DiffusionBatch> {
  const op = 'flowMapLoss';
  checkLossConfig(op, config, latentScale, options);
  checkFields(op, 'teacher', teacher, ['forward', 'nullConditions'], 'Give a DiT.');
  const flow = runDiffusion(config);
  const { timestepSampling, shift, instantShare, guidance = MAP_GUIDANCE } = config.diffusion;
  const drawing: IntervalOptions = {
    sampling: timestepSampling === 'logit-normal' ? timestepSampling : 'uniform',
    ...(shift !== undefined && { shift }),
    ...(instantShare !== undefined && { instantShare }),
  };
  const told = (time: Tensor): Tensor => time.mul(config.diffusion.timesteps);
  return lossOfDraws({
    draw: (model: DiT, batch: DiffusionBatch, key): DrawnSteps => {
      const { xStart, eps, y, time } = drawNoise(op, model, batch, key, latentScale);
      const { t, r } = drawIntervals(flow, time, xStart.shape[0], drawing);
      const x = flowSample(xStart, t, eps);
      return { x, velocity: guidedVelocity(teacher, x, told(t), y, guidance), t, r, y };
    },
    lossOf: (model, { y, ...batch }) => {
      const map: FlowMap = (x, t, r) => model.forward(x, told(t), y, { ...options, end: told(r) });
      return meanFlowLosses(map, batch).loss.mean();
    },
  });
}

/** The loss of a run: that of a flow map if it has a teacher, otherwise with a history or without one. */
export function lossOf(
  config: TrainConfig,
  latentScale: number,
  teacher?: DiT,
): Loss<DiT, DiffusionBatch> | RememberingLoss<DiT, DiffusionBatch> {
  const { checkpoint = 0 } = config;
  if (teacher !== undefined) return flowMapLoss(config, latentScale, teacher, { checkpoint });
  return config.diffusion.timestepSampling === 'loss-second-moment'
    ? rememberingLoss(config, latentScale, { checkpoint })
    : diffusionLoss(config, latentScale, { checkpoint });
}

/** The velocity of a flow that is guided by all conditions together, of the shape of x. */
function guidedVelocity(flow: DiT, x: Tensor, t: Tensor, y: Conditioning, scale: number): Tensor {
  const { numClasses, conditions = [] } = flow.config;
  if (scale === 1 || numClasses + conditions.length === 0) return flow.forward(x, t, y);
  return y instanceof Tensor
    ? guidedForward(flow, x, t, y, { scale })
    : guidedByConditions(flow, x, t, y, { scale });
}
