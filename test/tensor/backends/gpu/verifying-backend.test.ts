import {
  compile,
  defaultBackend,
  key,
  normal,
  setDefaultBackend,
  tensor,
  type Tensor,
} from '@tessera/tensor';
import { DeviceError, gpuBackend, type GpuBackend } from '@tessera/tensor/gpu';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HandleEngine } from '../../../../packages/tensor/src/backends/gpu/engines/handle-engine.ts';

const before = defaultBackend();
let backend: GpuBackend;

beforeEach(async () => {
  backend = await gpuBackend({ mode: 'cpu', verify: true });
  setDefaultBackend(backend);
});

afterEach(async () => {
  vi.restoreAllMocks();
  setDefaultBackend(before);
  await backend.dispose();
});

describe('a gpu backend that verifies', () => {
  it('tells of a kernel that is wrong where values are read', async () => {
    const f = compile((x: Tensor) => x.exp().sum(1));
    const right = await f(normal(key(0), [3, 4])).data();
    expect(right).toHaveLength(3);
    vi.spyOn(HandleEngine.prototype, 'run').mockImplementation(function (this: HandleEngine) {
      return this.upload(new Float32Array(3));
    });
    const g = compile((x: Tensor) => x.exp().sum(0));
    const wrong = g(normal(key(0), [4, 3])).data();
    await expect(wrong).rejects.toMatchObject({ failure: 'mismatch' });
  });

  it('says so where an operand cannot be read that is sound', async () => {
    const f = compile((a: Tensor) => a.square().sum());
    const refused = new DeviceError('data', 'out-of-memory', 'no memory to read.');
    vi.spyOn(HandleEngine.prototype, 'read').mockRejectedValueOnce(refused);
    await expect(f(tensor([1, 2, 3])).item()).rejects.toBe(refused);
  });

  it('leaves it to the next run where operands have failed', async () => {
    const x = tensor([1, 2, 3]);
    const f = compile((a: Tensor) => a.square().sum());
    const read = vi.spyOn(HandleEngine.prototype, 'read');
    const refused = new DeviceError('square', 'validation', 'refused.');
    read.mockRejectedValueOnce(refused);
    vi.spyOn(HandleEngine.prototype, 'failureOf').mockReturnValueOnce(refused);
    // Who reads other values hears nothing of it.
    expect(await f(x).item()).toBe(14);
    read.mockClear();
    expect(await f(x).item()).toBe(14);
    expect(read.mock.calls.length).toBeGreaterThan(1);
    read.mockClear();
    expect(await f(x).item()).toBe(14);
    expect(read).toHaveBeenCalledTimes(1);
  });
});
