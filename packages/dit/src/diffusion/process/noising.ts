// The forward process that adds noise, and how clean latent, noise, velocity and noisy latent relate.

import {
  checkTensors,
  formatShape,
  indexSelect,
  ShapeError,
  tensor,
  type Tensor,
} from '@tessera/tensor';
import { checkArray } from '../../config/argument-check.ts';
import { checkSchedule, type NoiseSchedule } from '../schedule/schedule.ts';

/**
 * The values of a schedule's table at timesteps t (int32 `[B]`), rounded to float32. Their shape
 * `[B, 1, …]` has the rank of `like`, so that they multiply it.
 *
 * @throws ShapeError unless t has one timestep for each sample of `like`.
 * @example
 * const t = tensor([2, 0], { dtype: 'int32' });
 * coefficient(Float64Array.of(10, 20, 30), t, zeros([2, 4, 8, 8])).shape; // [2, 1, 1, 1]
 */
export function coefficient(table: Float64Array, t: Tensor, like: Tensor): Tensor {
  checkArray('coefficient', 'table', table, 'Float64Array');
  checkTensors('coefficient', { t, like });
  if (t.rank !== 1 || t.shape[0] !== like.shape[0]) {
    throw new ShapeError(
      'coefficient',
      `t is ${formatShape(t.shape)} for samples ${formatShape(like.shape)}: expected one timestep for each sample.`,
      [t.shape, like.shape],
    );
  }
  const values = indexSelect(tensor(Float32Array.from(table)), t, 0); // [B]
  return values.reshape([-1, ...like.shape.slice(1).map(() => 1)]);
}

/**
 * The timesteps of the full process for kept timesteps t: int32 `[B]` to int32 `[B]`.
 *
 * @example
 * const schedule = createSchedule({ respacing: 4 });
 * modelTimestep(schedule, arange(4)); // [0, 333, 666, 999]
 */
export function modelTimestep(schedule: NoiseSchedule, t: Tensor): Tensor {
  checkNoised('modelTimestep', schedule, { t });
  return indexSelect(tensor(schedule.timestepMap), t, 0);
}

/** A diagonal Gaussian. Its parts broadcast to the shape of the mean. */
export interface Gaussian {
  readonly mean: Tensor;
  readonly variance: Tensor;
  readonly logVariance: Tensor;
}

/**
 * Draws from q(x_t | xStart): `xT = √alphaBar · xStart + √(1 − alphaBar) · eps`.
 *
 * Source: Ho et al. 2020, equation 4.
 *
 * @param xStart `[B, ...]`
 * @param t int32 `[B]`
 * @param eps Standard normal noise of the shape of xStart.
 * @example
 * const { schedule } = createDiffusion();
 * const t = tensor([0, 999], { dtype: 'int32' });
 * qSample(schedule, ones([2, 1]), t, zeros([2, 1])); // [[0.99995], [0.00635]]: what is left of the sample
 */
export function qSample(schedule: NoiseSchedule, xStart: Tensor, t: Tensor, eps: Tensor): Tensor {
  checkNoised('qSample', schedule, { xStart, t, eps });
  checkLike('qSample', xStart, { eps });
  return coefficient(schedule.sqrtAlphaBar, t, xStart)
    .mul(xStart)
    .add(coefficient(schedule.sqrtOneMinusAlphaBar, t, xStart).mul(eps));
}

/**
 * The Gaussian q(x_t | xStart) that {@link qSample} draws from.
 *
 * @example
 * const { schedule } = createDiffusion();
 * const { variance } = qMarginal(schedule, ones([1, 1]), tensor([999], { dtype: 'int32' }));
 * variance; // [[1.000]]
 */
export function qMarginal(schedule: NoiseSchedule, xStart: Tensor, t: Tensor): Gaussian {
  checkNoised('qMarginal', schedule, { xStart, t });
  const { oneMinusAlphaBar, sqrtAlphaBar, logOneMinusAlphaBar } = schedule;
  return {
    mean: coefficient(sqrtAlphaBar, t, xStart).mul(xStart),
    variance: coefficient(oneMinusAlphaBar, t, xStart),
    logVariance: coefficient(logOneMinusAlphaBar, t, xStart),
  };
}

/**
 * The Gaussian q(x_{t−1} | x_t, xStart).
 *
 * Source: Ho et al. 2020, equations 6 and 7.
 *
 * @example
 * const { schedule } = createDiffusion();
 * const { mean } = qPosterior(schedule, ones([1, 1]), zeros([1, 1]), tensor([0], { dtype: 'int32' }));
 * mean; // [[1.000]]: before the first timestep there is no noise
 */
export function qPosterior(
  schedule: NoiseSchedule,
  xStart: Tensor,
  xT: Tensor,
  t: Tensor,
): Gaussian {
  checkNoised('qPosterior', schedule, { xStart, xT, t });
  const { posteriorXStartWeight, posteriorXTWeight } = schedule;
  return {
    mean: coefficient(posteriorXStartWeight, t, xStart)
      .mul(xStart)
      .add(coefficient(posteriorXTWeight, t, xT).mul(xT)),
    variance: coefficient(schedule.posteriorVariance, t, xT),
    logVariance: coefficient(schedule.posteriorLogVariance, t, xT),
  };
}

/**
 * `xStart = xT / √alphaBar − √(1/alphaBar − 1) · eps`
 *
 * @example
 * const { schedule } = createDiffusion();
 * const [x, t, eps] = [ones([1, 1]), tensor([500], { dtype: 'int32' }), scalar(0.25).expand([1, 1])];
 * xStartFromEps(schedule, qSample(schedule, x, t, eps), t, eps); // [[1.000]]
 */
export function xStartFromEps(schedule: NoiseSchedule, xT: Tensor, t: Tensor, eps: Tensor): Tensor {
  checkNoised('xStartFromEps', schedule, { xT, t, eps });
  return coefficient(schedule.sqrtRecipAlphaBar, t, xT)
    .mul(xT)
    .sub(coefficient(schedule.sqrtRecipAlphaBarMinusOne, t, xT).mul(eps));
}

/**
 * `eps = (xT − √alphaBar · xStart) / √(1 − alphaBar)`
 *
 * @example
 * const { schedule } = createDiffusion();
 * const [x, t, eps] = [ones([1, 1]), tensor([500], { dtype: 'int32' }), scalar(0.25).expand([1, 1])];
 * epsFromXStart(schedule, qSample(schedule, x, t, eps), t, x); // [[0.250]]
 */
export function epsFromXStart(
  schedule: NoiseSchedule,
  xT: Tensor,
  t: Tensor,
  xStart: Tensor,
): Tensor {
  checkNoised('epsFromXStart', schedule, { xT, t, xStart });
  return xT
    .sub(coefficient(schedule.sqrtAlphaBar, t, xT).mul(xStart))
    .div(coefficient(schedule.sqrtOneMinusAlphaBar, t, xT));
}

/**
 * The velocity `v = √alphaBar · eps − √(1 − alphaBar) · xStart`.
 *
 * Source: Salimans & Ho 2022, "Progressive distillation for fast sampling of diffusion models",
 * section 4 and appendix D.
 *
 * @example
 * const { schedule } = createDiffusion();
 * velocity(schedule, ones([1, 1]), tensor([999], { dtype: 'int32' }), zeros([1, 1])); // [[-0.99998]]
 */
export function velocity(schedule: NoiseSchedule, xStart: Tensor, t: Tensor, eps: Tensor): Tensor {
  checkNoised('velocity', schedule, { xStart, t, eps });
  checkLike('velocity', xStart, { eps });
  return coefficient(schedule.sqrtAlphaBar, t, xStart)
    .mul(eps)
    .sub(coefficient(schedule.sqrtOneMinusAlphaBar, t, xStart).mul(xStart));
}

/**
 * `xStart = √alphaBar · xT − √(1 − alphaBar) · v`
 *
 * @example
 * const { schedule } = createDiffusion();
 * const [x, t, eps] = [ones([1, 1]), tensor([500], { dtype: 'int32' }), zeros([1, 1])];
 * const v = velocity(schedule, x, t, eps);
 * xStartFromV(schedule, qSample(schedule, x, t, eps), t, v); // [[1.000]]
 */
export function xStartFromV(schedule: NoiseSchedule, xT: Tensor, t: Tensor, v: Tensor): Tensor {
  checkNoised('xStartFromV', schedule, { xT, t, v });
  return coefficient(schedule.sqrtAlphaBar, t, xT)
    .mul(xT)
    .sub(coefficient(schedule.sqrtOneMinusAlphaBar, t, xT).mul(v));
}

/**
 * `eps = √(1 − alphaBar) · xT + √alphaBar · v`
 *
 * @example
 * const { schedule } = createDiffusion();
 * const [x, t, eps] = [ones([1, 1]), tensor([500], { dtype: 'int32' }), zeros([1, 1])];
 * const v = velocity(schedule, x, t, eps);
 * epsFromV(schedule, qSample(schedule, x, t, eps), t, v); // [[0.000]]
 */
export function epsFromV(schedule: NoiseSchedule, xT: Tensor, t: Tensor, v: Tensor): Tensor {
  checkNoised('epsFromV', schedule, { xT, t, v });
  return coefficient(schedule.sqrtOneMinusAlphaBar, t, xT)
    .mul(xT)
    .add(coefficient(schedule.sqrtAlphaBar, t, xT).mul(v));
}

function checkNoised(
  op: string,
  schedule: NoiseSchedule,
  tensors: Readonly<Record<string, Tensor>>,
): void {
  checkSchedule(op, schedule);
  checkTensors(op, tensors);
}

/** Throws a ShapeError unless a tensor, given by its name, has the shape of xStart. */
export function checkLike(
  op: string,
  xStart: Tensor,
  named: Readonly<Record<string, Tensor>>,
): void {
  for (const [name, { shape }] of Object.entries(named)) {
    if (formatShape(xStart.shape) === formatShape(shape)) continue;
    throw new ShapeError(
      op,
      `xStart is ${formatShape(xStart.shape)}, ${name} is ${formatShape(shape)}: expected ${name} of the sample's shape.`,
      [xStart.shape, shape],
    );
  }
}
