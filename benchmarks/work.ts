import { compile, key, normal, tensor, type Tensor } from '@tessera/tensor';
import { vjp } from '@tessera/autograd';
import { compiledTrainStep, DiT, diffusionLoss, initialState } from '@tessera/dit';
import { presetConfig } from '@tessera/dit/node';
import { rows } from '../test/ops/cases.ts';
import { rowName, type OpBenchmark } from '../test/ops/row.ts';

/** One piece of work, and how many floating point operations it takes (0 where that says nothing). */
export interface Work {
  readonly name: string;
  readonly flops: number;
  /** Runs it once, to the end. */
  run(): Promise<unknown>;
}

/** Reads one element, so that the result is there. */
const settle = (x: Tensor): Promise<unknown> => x.slice(x.shape.map(() => [0, 1])).data();

/** The work of one size of an operation: forward, and with its gradients where that is asked for. */
function opWork(name: string, { sizes, f, inputs, flops = 0, backward }: OpBenchmark): Work[] {
  const operands = inputs();
  const forward = compile(f);
  const both = compile((...args: readonly Tensor[]) => {
    const { value, pullback } = vjp(f, ...args);
    return pullback(value);
  });
  const work = { name: `${name} ${sizes}`, flops, run: () => settle(forward(...operands)) };
  if (backward !== true) return [work];
  return [
    work,
    {
      name: `${work.name}, forward + backward`,
      flops: flops * (1 + operands.length),
      run: () => settle(both(...operands)[operands.length - 1]),
    },
  ];
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
    ...rows.flatMap((row) =>
      (row.benchmarks ?? []).flatMap((benchmark) => opWork(rowName(row), benchmark)),
    ),
    stepWork(),
  ];
}
