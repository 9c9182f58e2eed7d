/**
 * `npm run bench:gpu [-- MODE …]`: times work on the gpu backend, and the same work on the wasm backend
 * beside it. MODE is one of gpu.js's (default auto); `--large` adds what takes a GPU.
 */
import {
  attention,
  compile,
  conv2d,
  key,
  normal,
  setDefaultBackend,
  tensor,
  wasmBackend,
  type Backend,
  type Tensor,
} from '@tessera/tensor';
import { vjp } from '@tessera/autograd';
import { compiledTrainStep, DiT, diffusionLoss, initialState, zoo } from '@tessera/dit';
import { presetConfig } from '@tessera/dit/node';
import { gpuBackend, type GpuMode } from '@tessera/tensor/gpu';
import Table from 'cli-table3';
import { time } from './timing.ts';

/** Something to do on the default backend. */
interface GpuWork {
  readonly name: string;
  /** Floating point operations, or 0 where a rate says nothing. */
  readonly flops: number;
  /** Makes it ready; what it gives runs it once, to the end. */
  prepare(): () => Promise<unknown>;
}

/** Runs of each work after two to warm up: software adapters take seconds for the larger ones. */
const RUNS = 3;

/** Reads one element, so that the result is there. */
const settle = (x: Tensor): Promise<unknown> => x.slice(x.shape.map(() => [0, 1])).data();

function matmulWork(size: number): GpuWork {
  return {
    name: `matmul ${size}³`,
    flops: 2 * size ** 3,
    prepare: () => {
      const [a, b] = [1, 2].map((seed) => normal(key(seed), [size, size]));
      const product = compile((p: Tensor, q: Tensor) => p.matmul(q));
      return () => settle(product(a, b));
    },
  };
}

function convWork(backward: boolean): GpuWork {
  return {
    name: `conv2d 8×32→64, 32×32, 3×3${backward ? ', forward + backward' : ''}`,
    flops: 2 * 8 * 32 * 64 * 32 * 32 * 9 * (backward ? 3 : 1),
    prepare: () => {
      const operands = [normal(key(1), [8, 32, 32, 32]), normal(key(2), [64, 32, 3, 3])];
      const f = (x: Tensor, w: Tensor): Tensor => conv2d(x, w, { padding: 1 });
      const forward = compile(f);
      const both = compile((x: Tensor, w: Tensor) => {
        const { value, pullback } = vjp(f, x, w);
        return pullback(value);
      });
      const [x, w] = operands;
      return () => settle(backward ? both(x, w)[1] : forward(x, w));
    },
  };
}

function attentionWork(): GpuWork {
  return {
    name: 'attention 8×4 heads, 64 tokens, width 32',
    flops: 4 * 8 * 4 * 64 * 64 * 32,
    prepare: () => {
      const [q, k, v] = [1, 2, 3].map((seed) => normal(key(seed), [8, 4, 64, 32]));
      const f = compile((a: Tensor, b: Tensor, c: Tensor) => attention(a, b, c));
      return () => settle(f(q, k, v));
    },
  };
}

/** One training step: forward, backward, clipping, AdamW, moving average. */
function stepWork(name: string, model: Parameters<typeof DiT.init>[0], batch: number): GpuWork {
  return {
    name: `training step of ${name}, batch ${batch}`,
    flops: 0,
    prepare: () => {
      const config = { ...presetConfig('smoke'), model, batch };
      const step = compiledTrainStep(diffusionLoss(config, 1), config.optimizer, config.steps);
      const { inChannels, inputSize } = model;
      const mean = normal(key(1), [batch, inChannels, inputSize, inputSize]);
      const labels = tensor(Int32Array.from({ length: batch }, (_, i) => i % 10));
      let state = initialState(DiT.init(model, key(2)), key(3));
      return async () => {
        const [next, metrics] = step(state, { posterior: { mean, logVariance: mean }, labels });
        state = next;
        return metrics.loss.item();
      };
    },
  };
}

async function timeOn(backend: Backend, { prepare }: GpuWork): Promise<number> {
  setDefaultBackend(backend);
  return (await time(prepare(), RUNS)).median;
}

const words = process.argv.slice(2);
const isLarge = words.includes('--large');
const [mode = 'auto'] = words.filter((word) => word !== '--large') as (GpuMode | 'auto')[];
const smoke = presetConfig('smoke').model;
const works = [
  matmulWork(512),
  matmulWork(1024),
  ...(isLarge ? [matmulWork(4096)] : []),
  convWork(false),
  convWork(true),
  attentionWork(),
  stepWork('the smoke DiT', smoke, 8),
  ...(isLarge ? [stepWork('DiT-S/2', { ...smoke, ...zoo['DiT-S/2'], inputSize: 32 }, 8)] : []),
];

const gpu = await gpuBackend({ mode });
const wasm = wasmBackend();
const table = new Table({
  head: ['work', 'gpu: median ms', 'GFLOP/s', `wasm, ${wasm.threads} threads: ms`, 'GFLOP/s'],
  style: { head: [], border: [] },
});
for (const work of works) {
  const [on, beside] = [await timeOn(gpu, work), await timeOn(wasm, work)];
  const rate = (ms: number): string => (work.flops === 0 ? '' : (work.flops / ms / 1e6).toFixed(2));
  table.push([work.name, on.toFixed(1), rate(on), beside.toFixed(1), rate(beside)]);
}
console.log(`${gpu.device.mode}, ${gpu.device.adapter}, Node ${process.version}`);
console.log(`products: ${JSON.stringify(gpu.device.products ?? 'plain')}`);
console.log(table.toString());
await gpu.dispose();
