// `npm run bench -- onnx`: a training step as an ONNX model on onnxruntime, beside the same step of Tessera.

import { cpus } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import Table from 'cli-table3';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import {
  diffusionLoss,
  DiT,
  initialState,
  presetConfig,
  trainStep,
  type DiffusionBatch,
  type StepMetrics,
  type TrainState,
} from '@tessera/dit';
import { toOnnx } from '@tessera/onnx';
import {
  compile,
  key,
  normal,
  randomInt,
  setDefaultBackend,
  tree,
  wasmBackend,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { summarize } from './compare/statistics.ts';

/** What is timed. */
export interface OnnxOptions {
  /** Timed steps of each; the first one is not counted. */
  readonly samples: number;
}

/** The state and a batch of a training step. */
interface Operands {
  readonly state: TrainState<DiT>;
  readonly batch: DiffusionBatch;
}

/** Milliseconds before each run: threads of onnxruntime watch for a while for the next one, on a core that the other needs. */
const REST_MS = 50;

const CONFIG = presetConfig('smoke');

/** Loss, gradients, clipping, AdamW and average of the preset smoke, with its random numbers. */
function step({ state, batch }: Operands): { next: TrainState<DiT>; metrics: StepMetrics } {
  const take = trainStep(diffusionLoss(CONFIG, 1), CONFIG.optimizer, CONFIG.steps);
  const [next, metrics] = take(state, batch);
  return { next, metrics };
}

function operands(): Operands {
  const mean = normal(key(0), [CONFIG.batch, 4, 8, 8]);
  const posterior = { mean, logVariance: zeros(mean.shape) };
  const labels = randomInt(key(1), [CONFIG.batch], 0, 10);
  const state = initialState(DiT.init(CONFIG.model, key(2)), key(3), CONFIG.optimizer);
  return { state, batch: { posterior, labels } };
}

/** Times both in turns on one thread and on two, and prints the medians and their ratio. */
export async function benchOnnx({ samples }: OnnxOptions): Promise<void> {
  const { bytes, inputs } = await toOnnx(step, operands());
  const table = new Table({
    head: ['threads', 'Tessera, ms', 'onnxruntime, ms', 'onnxruntime / Tessera'],
    style: { head: [], border: [] },
  });
  for (const threads of [1, 2]) {
    const before = setDefaultBackend(wasmBackend({ threads }));
    const session = await InferenceSession.create(bytes, {
      intraOpNumThreads: threads,
      logSeverityLevel: 3,
    });
    try {
      const given = operands();
      const named = await Promise.all(
        tree.leaves(given).map(async (x: Tensor, i) => {
          const data = (await x.data()).slice();
          return [inputs[i].name, new OrtTensor(x.dtype, data, x.shape)] as const;
        }),
      );
      const here = compile(step);
      const feeds = Object.fromEntries(named);
      const works = [() => here(given).metrics.loss.item(), () => session.run(feeds)];
      const times: number[][] = works.map(() => []);
      for (let sample = -1; sample < samples; sample++) {
        for (const [i, work] of works.entries()) {
          await setTimeout(REST_MS);
          const start = performance.now();
          await work();
          if (sample >= 0) times[i].push(performance.now() - start);
        }
      }
      const [own, theirs] = times.map((each) => summarize(each).median);
      table.push([threads, own.toFixed(1), theirs.toFixed(1), (theirs / own).toFixed(2)]);
    } finally {
      await session.release();
      setDefaultBackend(before);
    }
  }
  console.log(`${cpus()[0].model}, Node ${process.version}, preset smoke, batch ${CONFIG.batch}`);
  console.log(table.toString());
}
