import { full, stack, type Tensor } from '@tessera/tensor';
import { valueAndGrad, vjp } from '@tessera/autograd';
import {
  createDiffusion,
  ddimReverseStep,
  ddimStep,
  ddpmStep,
  discretizedGaussianLogLikelihood,
  guidedBatchForward,
  modelTimestep,
  normalCdf,
  normalKl,
  pReverse,
  priorTerm,
  qMarginal,
  qPosterior,
  qSample,
  SCHEDULES,
  trainingLosses,
  variationalBound,
  type Diffusion,
  type DiT,
  type LossKind,
  type NoiseSchedule,
  type Predicted,
  type ReverseVariance,
  type SamplerStep,
} from '@tessera/dit';
import type { Attributes } from './attributes.ts';
import { inWay, type Way } from './golden-case.ts';

/** What a diffusion case is given. */
export interface DiffusionInputs {
  readonly attributes: Attributes;
  /** The tensor of an input. Throws if the case has none of that name. */
  readonly tensor: (name: string) => Tensor;
  /** The numbers of an input. */
  readonly numbers: (name: string) => readonly number[];
  /** Whether the case has an input of that name. */
  readonly has: (name: string) => boolean;
  /** The small model that trajectories sample from. */
  readonly model: () => DiT;
  readonly way: Way;
}

/** Computes the outputs of a case by name. */
export type DiffusionKind = (inputs: DiffusionInputs) => Promise<Readonly<Record<string, Tensor>>>;

/** What the kinds of cases compute. */
export const DIFFUSION_KINDS: Readonly<Record<string, DiffusionKind>> = {
  q: async ({ attributes, tensor, way }) => {
    const diffusion = makeDiffusion(attributes);
    const { schedule } = diffusion;
    const run = inWay(way, (xStart: Tensor, eps: Tensor, t: Tensor) => {
      const xT = qSample(schedule, xStart, t, eps);
      const posterior = qPosterior(schedule, xStart, xT, t);
      const marginal = qMarginal(schedule, xStart, t);
      return {
        x_t: xT,
        posterior_mean: posterior.mean,
        posterior_variance: posterior.variance.reshape([-1]), // [B, 1, 1, 1] → [B]
        posterior_log_variance: posterior.logVariance.reshape([-1]),
        q_mean: marginal.mean,
        q_variance: marginal.variance.reshape([-1]),
        q_log_variance: marginal.logVariance.reshape([-1]),
        prior_bpd: priorTerm(diffusion, xStart),
      };
    });
    return run(tensor('x_start'), tensor('noise'), tensor('t'));
  },

  normal_kl: async ({ attributes, tensor, has, way }) => {
    const either = (name: string): Tensor | number =>
      has(name) ? tensor(name) : attributes.number(name);
    const run = inWay(way, normalKl);
    return {
      kl: await run(tensor('mean1'), either('logvar1'), either('mean2'), either('logvar2')),
    };
  },

  cdf: async ({ tensor, way }) => ({ cdf: await inWay(way, normalCdf)(tensor('x')) }),

  discretized_gaussian_log_likelihood: async ({ tensor, way }) => {
    const x = tensor('x');
    const run = inWay(way, (means: Tensor, scales: Tensor) => {
      const { value, pullback } = vjp(
        (m: Tensor, s: Tensor) => discretizedGaussianLogLikelihood(x, m, s),
        means,
        scales,
      );
      const [gradMeans, gradScales] = pullback(full(value.shape, 1));
      return { log_probs: value, grad_means: gradMeans, grad_log_scales: gradScales };
    });
    return run(tensor('means'), tensor('log_scales'));
  },

  p_mean_variance: async ({ attributes, tensor, way }) => {
    const diffusion = makeDiffusion(attributes);
    const clipDenoised = attributes.boolean('clip_denoised');
    const run = inWay(way, (output: Tensor, x: Tensor, t: Tensor) => {
      const { mean, variance, logVariance, xStart } = pReverse(diffusion, output, x, t, {
        clipDenoised,
      });
      return {
        mean,
        variance,
        log_variance: logVariance,
        pred_xstart: xStart,
        model_t: modelTimestep(diffusion.schedule, t),
      };
    });
    return run(tensor('model_output'), tensor('x'), tensor('t'));
  },

  training_losses: async ({ attributes, tensor, way }) => {
    const diffusion = makeDiffusion(attributes);
    const kind = choose(LOSSES, 'loss type', attributes.text('loss_type'));
    const batch = { xStart: tensor('x_start'), t: tensor('t'), eps: tensor('noise') };
    const meanLoss = (output: Tensor): [Tensor, Record<string, Tensor>] => {
      const { loss, mse, vb } = trainingLosses(diffusion, () => output, batch, { kind });
      const terms = {
        loss,
        ...(mse === undefined ? {} : { mse }),
        ...(vb === undefined ? {} : { vb }),
      };
      return [loss.mean(), terms];
    };
    const run = inWay(way, valueAndGrad(meanLoss, { hasAux: true }));
    const { aux, grads } = await run(tensor('model_output'));
    return { ...aux, grad_model_output: grads };
  },

  trajectory: async ({ attributes, tensor, numbers, has, model, way }) => {
    const network = model();
    const diffusion = makeDiffusion(attributes, network);
    const sampler = choose(SAMPLERS, 'sampler', attributes.text('sampler'));
    const guidance = attributes.optionalNumber('cfg_scale');
    const y = tensor('y');
    const options = { clipDenoised: attributes.boolean('clip_denoised') };
    const eta = attributes.optionalNumber('eta') ?? 0;
    const predict = (x: Tensor, time: Tensor): Tensor =>
      guidance === null
        ? network.forward(x, time, y)
        : guidedBatchForward(network, x, time, y, { scale: guidance, compat: 'official' });
    const step = inWay(way, (x: Tensor, t: Tensor, noise: Tensor | null): SamplerStep => {
      const output = predict(x, modelTimestep(diffusion.schedule, t));
      if (sampler === 'ddim') return ddimStep(diffusion, output, x, t, noise, { ...options, eta });
      if (noise === null) throw new Error('the case records no noises');
      return ddpmStep(diffusion, output, x, t, noise, options);
    });
    const noises = has('noises') ? tensor('noises') : null;
    const found: Record<string, Tensor> = {};
    let x = tensor('x_T');
    for (const [n, index] of numbers('indices').entries()) {
      const t = full([x.shape[0]], index, 'int32');
      const next = await step(x, t, noises?.select(0, n) ?? null);
      found[`step${n}.sample`] = next.x;
      found[`step${n}.pred_xstart`] = next.xStart;
      x = next.x;
    }
    return found;
  },

  ddim_reverse_sample: async ({ attributes, tensor, model, way }) => {
    const network = model();
    const diffusion = makeDiffusion(attributes, network);
    const clipDenoised = attributes.boolean('clip_denoised');
    const run = inWay(way, (x: Tensor, t: Tensor, y: Tensor) => {
      const output = network.forward(x, modelTimestep(diffusion.schedule, t), y);
      const { x: sample, xStart } = ddimReverseStep(diffusion, output, x, t, { clipDenoised });
      return { sample, pred_xstart: xStart };
    });
    return run(tensor('x'), tensor('t'), tensor('y'));
  },

  calc_bpd_loop: async ({ attributes, tensor, model, way }) => {
    const network = model();
    const diffusion = makeDiffusion(attributes, network);
    const clipDenoised = attributes.boolean('clip_denoised');
    const run = inWay(way, (xStart: Tensor, y: Tensor, noises: Tensor) => {
      const { total, prior, steps } = variationalBound(
        diffusion,
        (x, t) => network.forward(x, t, y),
        xStart,
        (n) => noises.select(0, n),
        { clipDenoised },
      );
      const columns = (pick: (step: (typeof steps)[number]) => Tensor): Tensor =>
        stack(steps.map(pick), 1); // [B, steps]
      return {
        total_bpd: total,
        prior_bpd: prior,
        vb: columns(({ bits }) => bits),
        xstart_mse: columns(({ xStartError }) => xStartError),
        mse: columns(({ epsError }) => epsError),
      };
    });
    return run(tensor('x_start'), tensor('y'), tensor('noises'));
  },
};

const VARIANCES: Readonly<Record<string, ReverseVariance>> = {
  FIXED_SMALL: 'fixed-small',
  FIXED_LARGE: 'fixed-large',
  LEARNED_RANGE: 'learned-range',
};

const PREDICTIONS: Readonly<Record<string, Predicted>> = { EPSILON: 'eps', START_X: 'xStart' };

const LOSSES: Readonly<Record<string, LossKind>> = {
  MSE: 'mse',
  RESCALED_MSE: 'rescaled-mse',
  KL: 'kl',
  RESCALED_KL: 'rescaled-kl',
};

const SAMPLERS: Readonly<Record<string, 'ddpm' | 'ddim'>> = {
  p_sample: 'ddpm',
  ddim_sample: 'ddim',
};

/** The schedule that attributes describe. Throws where the respacing is not possible. */
export function makeSchedule(attributes: Attributes): NoiseSchedule {
  return makeDiffusion(attributes).schedule;
}

/**
 * The process that attributes describe. What they leave out is as `create_diffusion` has it: noise is
 * predicted, and the variance is learned if the model has outputs for it.
 */
function makeDiffusion(attributes: Attributes, network?: DiT): Diffusion {
  const name = attributes.text('noise_schedule');
  const schedule = SCHEDULES.find((known) => known === name);
  if (schedule === undefined) throw new Error(`noise schedule "${name}" is not there yet`);
  const learned = network?.config.learnSigma ?? true;
  const variance = attributes.has('model_var_type') ? attributes.text('model_var_type') : null;
  const predicts = attributes.has('model_mean_type') ? attributes.text('model_mean_type') : null;
  return createDiffusion({
    schedule,
    timesteps: attributes.number('diffusion_steps'),
    respacing: attributes.text('timestep_respacing'),
    predicts: predicts === null ? 'eps' : choose(PREDICTIONS, 'model mean type', predicts),
    variance: choose(
      VARIANCES,
      'model variance type',
      variance ?? (learned ? 'LEARNED_RANGE' : 'FIXED_LARGE'),
    ),
  });
}

function choose<T>(table: Readonly<Record<string, T>>, what: string, name: string): T {
  if (Object.hasOwn(table, name)) return table[name];
  throw new Error(`${what} "${name}" is not there yet`);
}
