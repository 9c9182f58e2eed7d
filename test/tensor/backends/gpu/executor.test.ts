import { compile, defaultBackend, setDefaultBackend, tensor, type Tensor } from '@tessera/tensor';
import { gpuBackend } from '@tessera/tensor/gpu';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HandleEngine } from '../../../../packages/tensor/src/backends/gpu/engines/handle-engine.ts';

const before = defaultBackend();
let backend: Awaited<ReturnType<typeof gpuBackend>>;

beforeEach(async () => {
  backend = await gpuBackend({ mode: 'cpu' });
  setDefaultBackend(backend);
});

afterEach(async () => {
  vi.restoreAllMocks();
  setDefaultBackend(before);
  await backend.dispose();
});

/** Lets the kernel of an engine fail that is the `count`th from now on. */
function failAt(count: number): void {
  const run = HandleEngine.prototype.run;
  let calls = 0;
  vi.spyOn(HandleEngine.prototype, 'run').mockImplementation(function (
    this: HandleEngine,
    ...args
  ) {
    calls++;
    if (calls === count) throw new Error('the device is on fire');
    return run.apply(this, args);
  });
}

describe('a plan that fails in the middle', () => {
  // Three kernels with two values in between: sums of rows, of those, and what needs both.
  const f = (x: Tensor): Tensor => {
    const sums = x.sum(1, { keepDims: true });
    return x.mul(sums).mul(sums.exp().sum());
  };

  it.each([1, 2, 3])('frees what it holds: at kernel %i', (count) => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    const held = backend.memoryUse();
    const run = compile(f);
    failAt(count);
    expect(() => run(x)).toThrow('the device is on fire');
    expect(backend.memoryUse()).toEqual(held);
  });

  it('frees or gives back what was donated to it, and keeps what no output takes over', async () => {
    const held = backend.memoryUse();
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    const factor = tensor([2, 3]);
    const run = compile((a: Tensor, b: Tensor) => f(a.mul(b)), { donate: [0, 1] });
    failAt(2);
    expect(() => run(x, factor)).toThrow('the device is on fire');
    expect(await factor.toArray()).toEqual([2, 3]);
    factor[Symbol.dispose]();
    x[Symbol.dispose]();
    expect(backend.memoryUse()).toEqual(held);
  });
});
