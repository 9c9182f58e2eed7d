// All that `npm run bench` times: the rows of test/ops, a training step, and the compared works.

import { compile, key, normal, tensor, type Tensor } from '@tessera/tensor';
import { vjp } from '@tessera/autograd';
import { compiledTrainStep, DiT, diffusionLoss, initialState, latentShape } from '@tessera/dit';
import { presetConfig } from '@tessera/dit/node';
import { rows } from '../test/ops/cases.ts';
import { rowName, type OpBenchmark } from '../test/ops/row.ts';
import type { Contender } from './contenders/contender.ts';
import { settle } from './settle.ts';
import { makeArrays } from './works/arrays.ts';
import { WORKS, type Work } from './works/works.ts';

/** One piece of work, and how many floating point operations it takes (0 where that says nothing). */
export interface TimedWork {
  readonly name: string;
  readonly flops: number;
  /** Makes its operands on the backend that Tessera was opened on; the function runs it once, to the end. */
  prepare(tessera: Contender): Run | Promise<Run>;
}

type Run = () => unknown;

/** The work of one size of an operation: forward, and with its gradients where that is asked for. */
function opWork(name: string, { sizes, f, inputs, flops = 0, backward }: OpBenchmark): TimedWork[] {
  const forward = compile(f);
  const both = compile((...args: readonly Tensor[]) => {
    const { value, pullback } = vjp(f, ...args);
    return pullback(value);
  });
  const work: TimedWork = {
    name: `${name} ${sizes}`,
    flops,
    prepare: () => {
      const operands = inputs();
      return () => settle(forward(...operands));
    },
  };
  if (backward !== true) return [work];
  const count = f.length;
  return [
    work,
    {
      name: `${work.name}, forward + backward`,
      flops: flops * (1 + count),
      prepare: () => {
        const operands = inputs();
        return () => settle(both(...operands)[operands.length - 1]);
      },
    },
  ];
}

/** One training step of the smoke preset's DiT: forward, backward, clipping, AdamW, moving average. */
function stepWork(): TimedWork {
  const config = presetConfig('smoke');
  return {
    name: `smoke step, batch ${config.batch}`,
    flops: 0,
    prepare: () => {
      const step = compiledTrainStep(diffusionLoss(config, 1), config.optimizer, config.steps);
      const mean = normal(key(1), latentShape(config.model, config.batch));
      const labels = tensor(Int32Array.from({ length: config.batch }, (_, i) => i % 10));
      const batch = { posterior: { mean, logVariance: mean.mul(0) }, labels };
      let state = initialState(DiT.init(config.model, key(2)), key(3));
      return () => {
        const [next, { loss }] = step(state, batch);
        state = next;
        return loss.item();
      };
    },
  };
}

/** A work that is compared with other libraries, done by Tessera alone. */
function comparedWork(work: Work): TimedWork {
  return {
    name: work.name,
    flops: work.flops,
    prepare: async (tessera) => {
      const { run } = await tessera.prepare(work, makeArrays(work));
      return run;
    },
  };
}

/** All work, whose operands are made when it is asked for. */
export function allWork(): TimedWork[] {
  const compared = WORKS.filter(({ kind }) => kind !== 'peak' && kind !== 'start');
  return [
    ...rows.flatMap((row) =>
      (row.benchmarks ?? []).flatMap((benchmark) => opWork(rowName(row), benchmark)),
    ),
    stepWork(),
    ...compared.map(comparedWork),
  ];
}
