// AdamW and Adam.

import { checkOptions, scalar, ValueError, zeros, type Tensor } from '@tessera/tensor';
import {
  checkStep,
  rootOf,
  stateOf,
  updateParameters,
  zerosByPath,
  type Optimizer,
  type PerParameter,
  type TensorsByPath,
} from './optimizer.ts';

/** Options of {@link adamw} and {@link adam}. */
export interface AdamOptions {
  /** Decay rates of the two moving averages. Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Added to the root of the second moment. Default 1e-8. */
  readonly eps?: number;
  /** Default 0.01 for adamw, 0 for adam. */
  readonly weightDecay?: number;
  /** Whether to divide by the largest variance so far instead of the latest one. Default false. */
  readonly amsgrad?: boolean;
  /** Settings of single parameters. */
  readonly perParameter?: PerParameter;
}

/** State of {@link adamw} and {@link adam}. */
export interface AdamState {
  /** int32 scalar: steps taken. */
  readonly step: Tensor;
  /**
   * `1 − β^step` of both averages: the value of an average that starts at 0 and averages ones. It is computed
   * as that average (`c ← β·c + 1 − β`), since the formula would cancel in float32 while β^step is near 1.
   */
  readonly correction: { readonly mean: Tensor; readonly variance: Tensor };
  /** Moving average of the gradients. */
  readonly mean: TensorsByPath;
  /** Moving average of the squared gradients. */
  readonly variance: TensorsByPath;
  /** The largest value so far of each element of `variance`; empty without `amsgrad`. */
  readonly largest: TensorsByPath;
}

/**
 * Adam with decoupled weight decay:
 *
 *     m ← β₁·m + (1 − β₁)·g,  v ← β₂·v + (1 − β₂)·g²
 *     p ← p − lr · ((m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + eps) + λ·p)
 *
 * With `amsgrad` the largest v so far replaces v in the second line; it is corrected by the present step, as
 * in PyTorch.
 *
 * Sources: Loshchilov & Hutter 2019, "Decoupled weight decay regularization", algorithm 2; AMSGrad: Reddi
 * et al. 2018, "On the convergence of Adam and beyond", algorithm 2.
 *
 * @throws ValueError unless the betas lie in [0, 1) and the other numbers are at least 0.
 * @example
 * const optimizer = adamw({ weightDecay: 0 });
 * const start = { w: tensor([1, 1]) };
 * const grads = { w: tensor([0.5, -2]) };
 * const { params } = optimizer.update(grads, optimizer.init(start), start, { learningRate: 0.1 });
 * params.w; // [0.9, 1.1]: the first step has the size of the learning rate
 */
export function adamw(options: AdamOptions = {}): Optimizer<AdamState> {
  return adamFamily('adamw', options);
}

/**
 * Adam. Weight decay, if any, is an L2 penalty: `g ← g + λ·p` before the moving averages of {@link adamw}.
 *
 * Source: Kingma & Ba 2015, "Adam: a method for stochastic optimization", algorithm 1.
 *
 * @throws ValueError unless the betas lie in [0, 1) and the other numbers are at least 0.
 * @example
 * const optimizer = adam({ betas: [0.9, 0.95] });
 * const start = { w: ones([2]) };
 * optimizer.update({ w: ones([2]) }, optimizer.init(start), start, { learningRate: 0.01 });
 */
export function adam(options: AdamOptions = {}): Optimizer<AdamState> {
  return adamFamily('adam', options);
}

function adamFamily(op: 'adam' | 'adamw', options: AdamOptions): Optimizer<AdamState> {
  checkOptions(op, options, ['betas', 'eps', 'weightDecay', 'amsgrad', 'perParameter']);
  const {
    betas: [beta1, beta2] = [0.9, 0.999],
    eps = 1e-8,
    weightDecay = op === 'adamw' ? 0.01 : 0,
    amsgrad = false,
    perParameter,
  } = options;
  if (
    ![beta1, beta2].every((beta) => beta >= 0 && beta < 1) ||
    !(eps >= 0) ||
    !(weightDecay >= 0)
  ) {
    throw new ValueError(
      op,
      `betas must lie in [0, 1), eps and weightDecay be at least 0, but got betas [${beta1}, ${beta2}], ` +
        `eps ${eps}, weightDecay ${weightDecay}.`,
    );
  }
  const decoupled = op === 'adamw';
  return {
    init: (params) => ({
      step: zeros([], 'int32'),
      correction: { mean: scalar(0), variance: scalar(0) },
      mean: zerosByPath(params),
      variance: zerosByPath(params),
      largest: amsgrad ? zerosByPath(params) : {},
    }),
    update: (grads, state, params, stepOptions) => {
      checkStep(op, state, ['step', 'correction', 'mean', 'variance', 'largest'], stepOptions);
      const { learningRate } = stepOptions;
      const mean: Record<string, Tensor> = { ...state.mean };
      const variance: Record<string, Tensor> = { ...state.variance };
      const largest: Record<string, Tensor> = { ...state.largest };
      const correction = {
        mean: average(state.correction.mean, 1, beta1),
        variance: average(state.correction.variance, 1, beta2),
      };
      const rate = scalarOf(learningRate);
      const stepSize = rate.div(correction.mean);
      const rootScale = correction.variance.sqrt().reciprocal();
      const updated = updateParameters(op, grads, params, ({ path, gradient, parameter }) => {
        const settings = perParameter?.(path, parameter) ?? {};
        const scale = settings.learningRateScale ?? 1;
        const decay = settings.weightDecay ?? weightDecay;
        const penalised = decoupled || decay === 0 ? gradient : gradient.add(parameter.mul(decay));
        const m = average(stateOf(op, state.mean, path), penalised, beta1);
        let v = average(stateOf(op, state.variance, path), penalised.square(), beta2);
        mean[path] = m;
        variance[path] = v;
        if (amsgrad) v = largest[path] = v.maximum(stateOf(op, state.largest, path));
        const adaptive = m.div(rootOf(v).mul(rootScale).add(eps)).mul(stepSize);
        const change =
          decoupled && decay !== 0 ? adaptive.add(parameter.mul(rate.mul(decay))) : adaptive;
        return parameter.sub(scale === 1 ? change : change.mul(scale));
      });
      const step = state.step.add(1);
      return { params: updated, state: { step, correction, mean, variance, largest } };
    },
  };
}

/** `β·a + (1 − β)·x` */
function average(a: Tensor, x: Tensor | number, beta: number): Tensor {
  return a.mul(beta).add(typeof x === 'number' ? x * (1 - beta) : x.mul(1 - beta));
}

function scalarOf(x: number | Tensor): Tensor {
  return typeof x === 'number' ? scalar(x) : x;
}
