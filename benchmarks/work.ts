import {
  compile,
  conv2d,
  gelu,
  key,
  layerNorm,
  normal,
  softmax,
  tensor,
  type Tensor,
} from '@tessera/tensor';
import { vjp } from '@tessera/autograd';
import { compiledTrainStep, DiT, diffusionLoss, initialState } from '@tessera/dit';
import { presetConfig } from '@tessera/dit/node';

/** One piece of work, and how many floating point operations it takes (0 where that says nothing). */
export interface Work {
  readonly name: string;
  readonly flops: number;
  /** Runs it once, to the end. */
  run(): Promise<unknown>;
}

/** Reads one element, so that the result is there. */
const settle = (x: Tensor): Promise<unknown> => x.slice(x.shape.map(() => [0, 1])).data();

function matmulWork(m: number, k: number, n: number): Work {
  const [a, b] = [normal(key(1), [m, k]), normal(key(2), [k, n])];
  return { name: `matmul ${m}×${k}×${n}`, flops: 2 * m * k * n, run: () => settle(a.matmul(b)) };
}

function convWork(): Work[] {
  const [x, w] = [normal(key(1), [8, 32, 32, 32]), normal(key(2), [64, 32, 3, 3])];
  const flops = 2 * 8 * 64 * 32 * 32 * 32 * 9;
  const forward = (a: Tensor, b: Tensor): Tensor => conv2d(a, b, { padding: 1 });
  const both = compile((a: Tensor, b: Tensor) => {
    const { value, pullback } = vjp(forward, a, b);
    return pullback(value);
  });
  return [
    { name: 'conv2d 8×32→64, 32×32, 3×3', flops, run: () => settle(forward(x, w)) },
    { name: 'the same, forward + backward', flops: 3 * flops, run: () => settle(both(x, w)[1]) },
  ];
}

function pointwiseWork(): Work[] {
  const x = normal(key(1), [3136, 512]);
  const ops = {
    'gelu (tanh)': gelu,
    softmax: (y: Tensor) => softmax(y),
    layerNorm: (y: Tensor) => layerNorm(y),
  };
  return Object.entries(ops).map(([name, op]) => {
    const compiled = compile(op);
    return { name: `${name} 3136×512`, flops: 0, run: () => settle(compiled(x)) };
  });
}

/** One training step of the smoke preset's DiT: forward, backward, clipping, AdamW, moving average. */
function stepWork(): Work {
  const config = presetConfig('smoke');
  const { inChannels, inputSize } = config.model;
  const step = compiledTrainStep(diffusionLoss(config, 1), config.optimizer, config.steps);
  const mean = normal(key(1), [config.batch, inChannels, inputSize, inputSize]);
  const labels = tensor(Int32Array.from({ length: config.batch }, (_, i) => i % 10));
  let state = initialState(DiT.init(config.model, key(2)), key(3));
  return {
    name: `smoke step, batch ${config.batch}`,
    flops: 0,
    run: async () => {
      const [next, metrics] = step(state, {
        posterior: { mean, logVariance: mean.mul(0) },
        labels,
      });
      state = next;
      return metrics.loss.item();
    },
  };
}

/** All work, made when it is asked for. */
export function allWork(): Work[] {
  return [
    ...[256, 512, 1024].map((n) => matmulWork(n, n, n)),
    matmulWork(3136, 128, 512),
    ...convWork(),
    ...pointwiseWork(),
    stepWork(),
  ];
}
