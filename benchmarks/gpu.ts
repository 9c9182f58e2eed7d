// `npm run bench -- gpu`: the gpu backend beside wasm, and PyTorch on the same GPU.

import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { compare } from './compare/compare.ts';
import { packageFolder } from './compare/package-folder.ts';
import { selectWorks } from './works/works.ts';

/** How the gpu backend is timed. */
export interface GpuOptions {
  /** Whether to add what takes minutes on a software adapter. */
  readonly large: boolean;
  readonly samples: number;
  /** Default `results/gpu.json`. */
  readonly out?: string;
}

/** What every adapter can do in a few minutes. */
const SMALL = ['matmul-512', 'matmul-1024', 'attention', 'conv1', 'conv2', 'step-tiny-8'];

/** What belongs to a GPU. */
const LARGE = ['matmul-4096', 'step-tiny', 'step-s'];

/** Operations of {@link SMALL} whose gradients are timed as well. */
const GRADIENTS = ['attention-grad', 'conv1-grad', 'conv2-grad'];

/** Seconds that a step of a software adapter may take. */
const TIMEOUT = 1800;

/** Measures, prints and writes the result. */
export async function benchGpu({ large, samples, out }: GpuOptions): Promise<void> {
  const names = [...SMALL, ...GRADIENTS, ...(large ? LARGE : [])];
  await compare({
    only: selectWorks(names).works,
    contenders: ['tessera', 'tessera-gpu', 'pytorch-cuda'],
    threads: [availableParallelism()],
    backend: 'wasm',
    samples,
    timeout: TIMEOUT,
    out: out ?? fileURLToPath(new URL('results/gpu.json', packageFolder())),
    pythons: [],
    install: false,
  });
  if (!large) {
    console.log(
      `\nLeft out, since they take minutes on a software adapter: ${LARGE.join(', ')}. Add --large for them.`,
    );
  }
}
