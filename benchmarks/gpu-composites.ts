// `npm run bench -- gpu-composites`: fused kernels on WebGPU beside the same work in parts.

/**
 * `npm run bench -- gpu-composites [WORD …]`: softmax, layer norm, attention and a small training step on
 * WebGPU, with composites as kernels in which threads share memory, and decomposed, turn by turn in one
 * run; with words only what has one of them in its name.
 */
import {
  attention,
  compile,
  key,
  layerNorm,
  normal,
  setDefaultBackend,
  softmax,
  tensor,
  type Tensor,
} from '@tessera/tensor';
import { vjp } from '@tessera/autograd';
import { compiledTrainStep, DiT, diffusionLoss, initialState, latentShape } from '@tessera/dit';
import { presetConfig } from '@tessera/dit/node';
import { gpuBackend, type GpuBackend } from '@tessera/tensor/gpu';
import Table from 'cli-table3';
import { summarize } from './compare/statistics.ts';
import { settle } from './settle.ts';
import { chooseByWords } from './words.ts';

/** Something to do on the default backend. */
interface Work {
  readonly name: string;
  /** Makes it ready; what it gives runs it once, to the end. */
  prepare(): () => Promise<unknown>;
}

const RUNS = 7;

/** 8 images of 8×8 tokens, 4 heads of width 32. */
const HEADS = [8, 4, 64, 32];

/** A function of tensors of one shape, by itself and with its gradient. */
function functionWork(
  name: string,
  shape: readonly number[],
  count: number,
  f: (...inputs: Tensor[]) => Tensor,
): Work[] {
  const works = {
    forward: (...inputs: Tensor[]): Tensor[] => [f(...inputs)],
    'forward + backward': (...inputs: Tensor[]): readonly Tensor[] => {
      const { value, pullback } = vjp(f, ...inputs);
      return pullback(value);
    },
  };
  return Object.entries(works).map(([what, work]) => ({
    name: `${name} [${shape.join(', ')}], ${what}`,
    prepare: () => {
      const run = compile(work);
      const inputs = Array.from({ length: count }, (_, seed) => normal(key(seed), shape));
      return async () => {
        const results = run(...inputs);
        await settle(results[0]);
        for (const result of results) result[Symbol.dispose]();
      };
    },
  }));
}

const step: Work = {
  name: 'training step of the smoke DiT, batch 8',
  prepare: () => {
    const config = { ...presetConfig('smoke'), batch: 8 };
    const train = compiledTrainStep(diffusionLoss(config, 1), config.optimizer, config.steps);
    const mean = normal(key(1), latentShape(config.model, config.batch));
    const labels = tensor(Int32Array.from({ length: config.batch }, (_, i) => i));
    let state = initialState(DiT.init(config.model, key(2)), key(3));
    return async () => {
      const [next, metrics] = train(state, { posterior: { mean, logVariance: mean }, labels });
      state = next;
      return metrics.loss.item();
    };
  },
};

/** All that is measured. */
export const compositeWorks: readonly Work[] = [
  ...functionWork('softmax', [4096, 64], 1, (x) => softmax(x)),
  ...functionWork('softmax', [256, 1024], 1, (x) => softmax(x)),
  ...functionWork('layerNorm', [2048, 128], 1, (x) => layerNorm(x)),
  ...functionWork('layerNorm', [512, 768], 1, (x) => layerNorm(x)),
  ...functionWork('attention', HEADS, 3, (q, k, v) => attention(q, k, v)),
  ...functionWork('attention', [1, 4, 256, 64], 3, (q, k, v) => attention(q, k, v)),
  step,
];

/** Medians of a work on each backend, in milliseconds. */
async function timesOf({ prepare }: Work, backends: readonly GpuBackend[]): Promise<number[]> {
  const runs = backends.map((backend) => {
    setDefaultBackend(backend);
    return { backend, run: prepare(), times: [] as number[] };
  });
  // The first turn compiles.
  for (let turn = 0; turn <= RUNS; turn++) {
    for (const { backend, run, times } of runs) {
      setDefaultBackend(backend);
      const start = performance.now();
      await run();
      if (turn > 0) times.push(performance.now() - start);
    }
  }
  return runs.map(({ times }) => summarize(times).median);
}

/** Measures the works whose name has one of the words (all without any), and prints the times. */
export async function benchComposites(words: readonly string[]): Promise<void> {
  // Both multiply in one form, so that this does not tell them apart.
  const options = { mode: 'webgpu', products: 'tiled' } as const;
  const fused = await gpuBackend({ ...options, composites: 'fused' });
  const decomposed = await gpuBackend({ ...options, composites: 'decomposed' });
  const table = new Table({
    head: ['work', 'fused: median ms', 'decomposed: median ms', 'ratio'],
    style: { head: [], border: [] },
  });
  for (const work of chooseByWords(compositeWorks, words)) {
    const [kernels, parts] = await timesOf(work, [fused, decomposed]);
    table.push([work.name, kernels.toFixed(1), parts.toFixed(1), (parts / kernels).toFixed(2)]);
  }
  const { adapter, elementsOfThread } = fused.device;
  console.log(`webgpu, ${adapter}, Node ${process.version}, ${options.products} products`);
  console.log(`${elementsOfThread} elements of a row a thread`);
  console.log(table.toString());
  await Promise.all([fused.dispose(), decomposed.dispose()]);
}
