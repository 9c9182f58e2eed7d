import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { vjp } from '@tessera/autograd';
import {
  attention,
  compile,
  concat,
  defaultBackend,
  key,
  layerNorm,
  logSoftmax,
  normal,
  setDefaultBackend,
  softmax,
  StateError,
  tensor,
  ValueError,
  type Tensor,
} from '@tessera/tensor';
import {
  DeviceError,
  gpuBackend,
  type GpuBackend,
  type GpuBackendOptions,
} from '@tessera/tensor/gpu';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { modesUnderTest } from './modes.ts';

vi.setConfig({ testTimeout: 120_000 });

const before = defaultBackend();
const opened: GpuBackend[] = [];

afterEach(async () => {
  setDefaultBackend(before);
  await Promise.all(opened.splice(0).map((backend) => backend.dispose()));
});

/** A backend as the default one, until the test ends. */
async function use(backend: Promise<GpuBackend>): Promise<GpuBackend> {
  const made = await backend;
  opened.push(made);
  setDefaultBackend(made);
  return made;
}

describe('gpuBackend', () => {
  const refusals = async (all: readonly object[]): Promise<string[]> =>
    Promise.all(
      all.map(async (options) => {
        const error = await gpuBackend(options as GpuBackendOptions).catch(
          (reason: unknown) => reason,
        );
        expect(error).toBeInstanceOf(ValueError);
        return (error as ValueError).message;
      }),
    );

  it('refuses options and values that there are not', async () => {
    const options = [
      { mode: 'webgl' },
      { executor: 'mine' },
      { products: 'tilled' },
      { composites: 'whole' },
      { verify: 'no' },
      { product: 'tiled' },
    ];
    expect(await refusals(options)).toMatchInlineSnapshot(`
      [
        "gpuBackend: mode is 'webgl'. Pass one of 'webgpu', 'webgl2', 'webasm', 'cpu', 'auto', or leave it out.",
        "gpuBackend: executor is 'mine'. Pass one of 'own', 'gpu.js', or leave it out.",
        "gpuBackend: products is 'tilled'. Pass one of 'plain', 'blocked', 'tiled', 'measured', or leave it out.",
        "gpuBackend: composites is 'whole'. Pass one of 'fused', 'decomposed', 'checked', or leave it out.",
        "gpuBackend: verify is 'no'. Pass one of true, false, or leave it out.",
        "gpuBackend: there is no option product. There are mode, verify, products, composites, executor.",
      ]
    `);
    await expect(gpuBackend({ mode: 'webgl2' })).rejects.toThrowErrorMatchingInlineSnapshot(
      `[DeviceError: gpuBackend: mode webgl2 needs a browser with WebGL 2 that can render to floats (EXT_color_buffer_float). Pass mode: "auto".]`,
    );
  });

  it('refuses what only the own executor has where gpu.js runs the kernels', async () => {
    const contradictory = [
      { mode: 'cpu', executor: 'own' },
      { mode: 'webasm', composites: 'fused' },
      { mode: 'webgpu', executor: 'gpu.js', products: 'tiled' },
      { executor: 'gpu.js', composites: 'fused' },
    ];
    expect(await refusals(contradictory)).toMatchInlineSnapshot(`
      [
        "gpuBackend: executor: 'own' needs the backend's own executor on WebGPU, but in mode cpu gpu.js runs the kernels. Leave executor out, or pass 'gpu.js'.",
        "gpuBackend: composites: 'fused' needs the backend's own executor on WebGPU, but in mode webasm gpu.js runs the kernels. Leave composites out, or pass 'decomposed'.",
        "gpuBackend: products: 'tiled' needs the backend's own executor on WebGPU, but executor: 'gpu.js' was asked for. Leave products out, or pass 'plain'.",
        "gpuBackend: composites: 'fused' needs the backend's own executor on WebGPU, but executor: 'gpu.js' was asked for. Leave composites out, or pass 'decomposed'.",
      ]
    `);
    const options = { mode: 'cpu', products: 'plain', composites: 'decomposed' } as const;
    const { device } = await use(gpuBackend(options));
    expect(device.mode).toBe('cpu');
  });

  it('says what auto has chosen, and why', async () => {
    const backend = await use(gpuBackend());
    expect(['webgpu', 'webasm']).toContain(backend.device.mode);
    if (backend.device.mode === 'webgpu') {
      // Every form was right, and was timed.
      expect(Object.values(backend.device.products?.milliseconds ?? {})).toHaveLength(3);
      expect(Object.values(backend.device.products?.milliseconds ?? {})).not.toContain(null);
      expect(backend.device.composites).toBe('fused');
    }
    expect(backend.choice).toContain(backend.device.mode);
    if (backend.device.mode === 'webasm') expect(backend.choice).toContain('webgpu: gpuBackend:');
  });

  it('refuses work after it was disposed', async () => {
    const backend = await use(gpuBackend({ mode: 'cpu' }));
    const x = tensor([1, 2]);
    await backend.dispose();
    expect(() => x.mul(17)).toThrowErrorMatchingInlineSnapshot(
      `[StateError: prepare: the backend was disposed. Make a new one with gpuBackend().]`,
    );
  });

  it('refuses tensors of another backend', async () => {
    const x = tensor([1, 2]);
    await use(gpuBackend({ mode: 'cpu' }));
    expect(() => tensor([1, 2]).add(x)).toThrow(StateError);
  });
});

for (const { name, mode, executor, make, skipped } of modesUnderTest()) {
  describe.skipIf(skipped !== null)(
    `${name}${skipped === null ? '' : ` (skipped: ${skipped})`}`,
    () => {
      it('takes more rows than a device has workgroups along a dimension', async () => {
        await use(make());
        const rows = 65_540;
        const x = tensor(
          Float32Array.from({ length: rows * 20 }, (_, i) => i % 101),
          { shape: [rows, 20] },
        );
        const bias = tensor(Float32Array.from({ length: 20 }, (_, i) => i / 2));
        const sums = await x.add(bias).data();
        expect([0, 19, 70 * 20 + 3, sums.length - 1].map((i) => sums[i])).toEqual(
          [0, 19, 70 * 20 + 3, sums.length - 1].map((i) => (i % 101) + (i % 20) / 2),
        );
      });

      it('reports what runs', async () => {
        const { device } = await use(make());
        expect(device).toMatchObject({ mode, executor });
        expect(device.adapter).not.toBe('');
        if (mode === 'webgpu') {
          expect(device.limits['maxBufferSize']).toBeGreaterThan(0);
          expect(device.products).toBeUndefined();
        }
      });

      it('reads asynchronously, and at once where it can', async () => {
        await use(make());
        const x = tensor([1, 2]).mul(2);
        expect(await x.toArray()).toEqual([2, 4]);
        if (mode === 'webgpu')
          expect(() => x.toArraySync()).toThrowErrorMatchingInlineSnapshot(
            `[StateError: dataSync: WebGPU can only read asynchronously. Use await tensor.data(), item() or toArray().]`,
          );
        else expect(x.toArraySync()).toEqual([2, 4]);
      });

      it('reads parts of tensors of every dtype', async () => {
        await use(make());
        const cases = {
          float32: [0.5, -1, 2, 3, 4, -5],
          int32: [0, -1, 2, 70_000, -70_000, 2 ** 30],
          bool: [0, 1, 1, 0, 1, 0],
        } as const;
        for (const dtype of ['float32', 'int32', 'bool'] as const) {
          const numbers = cases[dtype];
          const x = tensor([...numbers], { shape: [2, 3], dtype });
          const read = async (part: Tensor): Promise<number[]> => Array.from(await part.data());
          expect(await read(x.select(0, 1))).toEqual(numbers.slice(3));
          expect(await read(x.slice([null, [1, 2]]))).toEqual([numbers[1], numbers[4]]);
          expect(await read(x.transpose().slice([[2, 3]]))).toEqual([numbers[2], numbers[5]]);
          expect(await read(x.slice([[2, 2]]))).toEqual([]);
        }
      });

      it('fuses work on more arrays than a kernel can read', async () => {
        await use(make());
        const count = 20;
        const inputs = Array.from({ length: count }, (_, i) => tensor([i, 1, 2, i]));
        const f = compile((...xs: readonly Tensor[]) => {
          const total = xs.map((x) => x.mul(x)).reduce((a, b) => a.add(b));
          return [total, total.sum(), concat([total.neg(), ...xs], 0)];
        });
        const [total, sum, parts] = await Promise.all(f(...inputs).map((x) => x.data()));
        const squares = (count * (count - 1) * (2 * count - 1)) / 6;
        expect([...total]).toEqual([squares, count, 4 * count, squares]);
        expect([...sum]).toEqual([2 * squares + 5 * count]);
        expect(Array.from(parts).slice(0, 8)).toEqual([
          -squares,
          -count,
          -4 * count,
          -squares,
          0,
          1,
          2,
          0,
        ]);
      });
    },
  );
}

const webgpu = modesUnderTest().find(({ mode }) => mode === 'webgpu');

describe.skipIf(webgpu?.skipped !== null)('webgpu in Node', () => {
  it('runs composites as it is told, and verifies them by their definition', async () => {
    const options = { mode: 'webgpu', products: 'tiled' } as const;
    const backends = [
      await gpuBackend({ ...options, composites: 'fused', verify: true }),
      await gpuBackend({ ...options, composites: 'decomposed' }),
    ];
    opened.push(...backends);
    expect(backends.map(({ device }) => device.composites)).toEqual(['fused', 'decomposed']);
    const [fused, decomposed] = backends.map(({ composites }) => composites);
    expect(fused).toContain('attention');
    expect(decomposed).toEqual(new Set());
    const results: number[][] = [];
    for (const backend of backends) {
      setDefaultBackend(backend);
      const x = normal(key(0), [3, 5, 8]);
      const block = (y: Tensor): Tensor => {
        const z = layerNorm(y);
        return logSoftmax(attention(z, z, z).add(y)).mul(softmax(y, 1));
      };
      const gradients = compile((y: Tensor) => vjp(block, y).pullback(y));
      results.push([...(await gradients(x)[0].data())]);
    }
    // Sums in another order, of numbers up to 10.
    results[0].forEach((value, i) => expect(value).toBeCloseTo(results[1][i], 5));
  });

  it('goes on to the next mode where WebGPU refuses a device', async () => {
    await use(gpuBackend({ mode: 'webgpu', products: 'plain' })); // brings navigator.gpu
    const request = vi.spyOn(navigator.gpu, 'requestAdapter');
    onTestFinished(() => request.mockRestore());
    const adapter = await navigator.gpu.requestAdapter();
    if (adapter === null) throw new Error('there was an adapter just now');
    vi.spyOn(adapter, 'requestDevice').mockRejectedValue(new Error('no device today'));
    request.mockResolvedValue(adapter);
    const backend = await use(gpuBackend());
    expect(backend.device.mode).toBe('webasm');
    expect(backend.choice).toContain('gives no device (no device today)');
    await expect(gpuBackend({ mode: 'webgpu' })).rejects.toBeInstanceOf(DeviceError);
    const tiled = gpuBackend({ products: 'tiled' });
    await expect(tiled).rejects.toThrow("with products: 'tiled', mode auto tries only webgpu.");
    await expect(tiled).rejects.toMatchObject({ cause: { failure: 'unavailable' } });
  });

  it('refuses results that no buffer holds', async () => {
    await use(gpuBackend({ mode: 'webgpu', products: 'plain' }));
    const x = tensor([1]).expand([2 ** 15, 2 ** 15]);
    expect(() => x.add(1)).toThrow(DeviceError);
    expect(await tensor([1]).add(1).item()).toBe(2);
  });

  it('lets the process end once it is disposed', () => {
    const script = `
      import { tensor, setDefaultBackend } from '@tessera/tensor';
      import { gpuBackend } from '@tessera/tensor/gpu';
      const backend = await gpuBackend({ mode: 'webgpu', products: 'plain' });
      setDefaultBackend(backend);
      console.log(await tensor([1, 2]).add(1).toArray());
      await backend.dispose();
    `;
    const root = fileURLToPath(new URL('../..', import.meta.url));
    const args = [
      '--import=tsx',
      '--conditions=tessera-source',
      '--input-type=module',
      '-e',
      script,
    ];
    const output = execFileSync(process.execPath, args, {
      cwd: root,
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect(output).toBe('[ 2, 3 ]\n');
  });
});
