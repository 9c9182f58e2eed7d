import { describe, expect, it } from 'vitest';
import { compile, setDefaultBackend, tensor, wasmBackend, type Tensor } from '@tessera/tensor';
import { profileKernels, sumByKind } from '../../benchmarks/profile.ts';
import { runBench } from './run-bench.ts';

const ones = (...shape: number[]): Tensor =>
  tensor(new Float32Array(shape.reduce((size, n) => size * n, 1)).fill(1), { shape });

describe('a profile', () => {
  it('counts every kernel of every run, and the arithmetic of products', async () => {
    const backend = wasmBackend({ threads: 1 });
    const profile = profileKernels(backend);
    setDefaultBackend(backend);
    const f = compile((a: Tensor, b: Tensor) => a.matmul(b).exp().sum(0));
    const [a, b] = [ones(2, 3, 4), ones(4, 5)];
    for (let run = 0; run < 3; run++) {
      expect(await f(a, b).toArray()).toEqual(
        Array.from({ length: 3 }, () =>
          Array.from({ length: 5 }, () => expect.closeTo(2 * Math.exp(4), 3) as number),
        ),
      );
    }
    const kinds = sumByKind(profile.values());
    expect(kinds.map(({ kind, runs, flops }) => [kind, runs, flops])).toEqual([
      ['matmul', 3, 3 * (2 * 2 * 3 * 4 * 5)],
      ['reduce', 3, 0],
    ]);
    for (const { ms } of kinds) expect(ms).toBeGreaterThan(0);
    expect([...profile.keys()][0]).toBe('matmul [6, 4] · [4, 5]');
  });

  it('takes its own options', () => {
    const { status, stdout, stderr } = runBench(
      'profile',
      'layer-norm',
      '--threads',
      '1',
      '--runs',
      '1',
    );
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^layer-norm by 1 thread, kernel by kernel: /);
    expect(stdout).toContain('layerNormStatistics [3136, 128]');
  }, 60_000);
});
