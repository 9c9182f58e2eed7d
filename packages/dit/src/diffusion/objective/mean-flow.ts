// The loss of a flow map: its average velocity against the one that its own derivative asks for.

import { jvp, stopGradient } from '@tessera/autograd';
import {
  checkFunction,
  checkTensors,
  formatShape,
  ones,
  ShapeError,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { checkFields } from '../../config/argument-check.ts';
import { meanPerSample } from './bound.ts';
import type { TrainingLosses } from './objective.ts';

/**
 * A flow map as a function of x `[B, C, ...]` at times t `[B]` and of the times r `[B]` at which steps end, all from
 * 0 to 1. It gives the average velocity on the way, of the shape of x: the step leads to `x − (t − r) · map(x, t, r)`.
 */
export type FlowMap = (x: Tensor, t: Tensor, r: Tensor) => Tensor;

/** Latents on the way of a flow, and the steps to train on. */
export interface MapBatch {
  /** `[B, C, ...]`, at the times t. */
  readonly x: Tensor;
  /** The velocity of the flow there, of the shape of x. */
  readonly velocity: Tensor;
  /** float32 `[B]`, times from 0 to 1. */
  readonly t: Tensor;
  /** float32 `[B]`, the times at which the steps end. */
  readonly r: Tensor;
}

/** The mean squared error at which the weight of a sample is half of that without an error. */
const HALF_WEIGHT = 0.01;

/**
 * The loss of a flow map for each sample. The average velocity u from t to r satisfies
 *
 *     u = v − (t − r) · du/dt,   du/dt = ∂u/∂x · v + ∂u/∂t
 *
 * where v is the velocity of the flow at x and t. The right side, computed from the map itself by one `jvp`, is the
 * target, through which no gradient flows. The loss is `log(1 + e/c)` of the mean squared error e, with c = 0.01. Its
 * gradient is that of e, weighed by 1/(e + c): samples whose derivative is far off count less.
 *
 * Sources: Geng et al. 2025, "Mean flows for one-step generative modeling", equations 6 to 11, and 22 for the weight;
 * Lee et al. 2025, "Decoupled MeanFlow: turning flow models into flow maps for accelerated sampling", for the
 * logarithm, a Cauchy loss.
 *
 * @param map Is called once.
 * @returns The loss and the mean squared error.
 * @throws ShapeError if the map gives another shape than that of x, or a time is not one for each sample.
 * @example
 * // All data are 0, so that x = t · eps and v = x/t: velocities do not change on the way.
 * const [x, t, r] = [tensor([[0.5]]), tensor([0.5]), tensor([0])];
 * const straight: FlowMap = (x, t) => x.div(t.unsqueeze(1));
 * meanFlowLosses(straight, { x, velocity: tensor([[1]]), t, r }).loss; // [0]
 */
export function meanFlowLosses(map: FlowMap, batch: MapBatch): TrainingLosses {
  const op = 'meanFlowLosses';
  checkFunction(op, map);
  const hint = 'Write { x, velocity, t, r }.';
  checkFields(op, 'batch', batch, ['x', 'velocity', 't', 'r'], hint);
  const { x, velocity, t, r } = batch;
  checkTensors(op, { x, velocity, t, r });
  checkVelocity(op, x, 'velocity is', velocity);
  checkTimes(op, x, { t, r });
  const { value, tangent } = jvp(map, [x, t, r], [velocity, ones(t.shape), zeros(r.shape)]);
  checkVelocity(op, x, 'the map gave', value);
  const span = t.sub(r).reshape([-1, ...x.shape.slice(1).map(() => 1)]);
  const target = stopGradient(velocity.sub(tangent.mul(span)));
  const mse = meanPerSample(value.sub(target).square());
  return { loss: mse.div(HALF_WEIGHT).add(1).log(), mse };
}

function checkVelocity(op: string, x: Tensor, what: string, { shape }: Tensor): void {
  if (formatShape(shape) === formatShape(x.shape)) return;
  throw new ShapeError(
    op,
    `x is ${formatShape(x.shape)}, ${what} ${formatShape(shape)}: expected a velocity of the shape of x.`,
    [x.shape, shape],
  );
}

function checkTimes(op: string, x: Tensor, times: Readonly<Record<string, Tensor>>): void {
  for (const [name, { shape }] of Object.entries(times)) {
    if (shape.length === 1 && shape[0] === x.shape[0]) continue;
    throw new ShapeError(
      op,
      `${name} is ${formatShape(shape)} for samples ${formatShape(x.shape)}: expected one time for each sample.`,
      [shape, x.shape],
    );
  }
}
