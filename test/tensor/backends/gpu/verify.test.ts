import {
  cpuBackend,
  defaultBackend,
  key,
  normal,
  setDefaultBackend,
  softmax,
} from '@tessera/tensor';
import { gpuBackend, type Shader } from '@tessera/tensor/gpu';
import { primitives, type Plan } from '@tessera/tensor/extend';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openDevice } from '../../../../packages/tensor/src/backends/gpu/device/device.ts';
import {
  verifyPlan,
  type Reference,
} from '../../../../packages/tensor/src/backends/gpu/run/verify.ts';
import type { MapKernel } from '../../../../packages/tensor/src/plan/kernel.ts';
import { webGpuSkipped } from '../../../gpu/modes.ts';
import { failureOf } from './device-failures.ts';
import { scriptEngine } from './script-engine.ts';

const skipped = webGpuSkipped();

const before = defaultBackend();

// The values of GPUBufferUsage, GPUMapMode and GPUShaderStage.
const [MAP_READ, COPY_SRC, COPY_DST, UNIFORM, STORAGE] = [0x1, 0x4, 0x8, 0x40, 0x80];
const COMPUTE_STAGE = 0x4;

/** Runs a shader on a device, with nothing of the backend. */
async function runShader(
  device: GPUDevice,
  { code, paramsBytes, threads, workgroup }: Shader,
  arrays: readonly Float32Array[],
  size: number,
): Promise<Float32Array> {
  const filled = (usage: number, bytes: number, values: Uint32Array | Float32Array): GPUBuffer => {
    const buffer = device.createBuffer({ size: bytes, usage: usage | COPY_DST });
    device.queue.writeBuffer(buffer, 0, values);
    return buffer;
  };
  const [x, y = 1, z = 1] = threads;
  const output = device.createBuffer({ size: 4 * size, usage: STORAGE | COPY_SRC });
  const bound = [
    filled(UNIFORM, paramsBytes, Uint32Array.of(x, y, z, threads.length === 1 ? x : 0)),
    ...arrays.map((array) => filled(STORAGE, array.byteLength, array)),
    output,
  ];
  const layout = device.createBindGroupLayout({
    entries: bound.map((_, binding) => {
      const type =
        binding === 0 ? 'uniform' : binding > arrays.length ? 'storage' : 'read-only-storage';
      return { binding, visibility: COMPUTE_STAGE, buffer: { type } };
    }),
  });
  const pipeline = device.createComputePipeline({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module: device.createShaderModule({ code }), entryPoint: 'main' },
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const entries = bound.map((buffer, binding) => ({ binding, resource: { buffer } }));
  pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
  const [gx, gy, gz] = [x, y, z].map((count, i) => Math.ceil(count / workgroup[i]));
  pass.dispatchWorkgroups(gx, gy, gz);
  pass.end();
  const staging = device.createBuffer({ size: 4 * size, usage: MAP_READ | COPY_DST });
  encoder.copyBufferToBuffer(output, 0, staging, 0, 4 * size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(MAP_READ);
  return new Float32Array(staging.getMappedRange().slice(0));
}

describe('verify', () => {
  /** `out0 = in0 + in0` of three elements. */
  const plan: Plan = {
    buffers: [
      { dtype: 'float32', size: 3, place: { kind: 'input', index: 0 } },
      { dtype: 'float32', size: 3, place: { kind: 'output', index: 0 } },
    ],
    kernels: [
      {
        kind: 'map',
        shape: [3],
        inputs: [{ buffer: 0, dtype: 'float32', view: { shape: [3], strides: [1], offset: 0 } }],
        expression: {
          nodes: [
            { kind: 'load', input: 0, dtype: 'float32' },
            {
              kind: 'apply',
              primitive: primitives.add as never,
              params: {},
              args: [0, 0],
              dtype: 'float32',
            },
          ],
          results: [1],
        },
        outputs: [{ buffer: 1, dtype: 'float32', view: { shape: [3], strides: [1], offset: 0 } }],
      },
    ],
    inputs: 1,
    constants: 0,
    outputs: [{ shape: [3], dtype: 'float32', donatedInput: null }],
    arenaBytes: 0,
  };
  const values = new Map([[0, Float32Array.of(1, 2, 3)]]);
  const reference: Reference = {
    backend: cpuBackend(),
    define: () => {
      throw new Error('the plan has no composite');
    },
  };

  it('says which kernel is wrong, with its operands', async () => {
    const engine = await scriptEngine();
    await verifyPlan(engine, reference, plan, values);
    vi.spyOn(engine, 'read').mockResolvedValue(Float32Array.of(2, 5, 6));
    const error = await failureOf(verifyPlan(engine, reference, plan, values));
    expect(error.failure).toBe('mismatch');
    expect(error.message).toMatchInlineSnapshot(`
      "map add: cpu and the reference disagree: element 1 of b1 is 5, but 4 is right (± 0.0006000000000000001). The kernel and its operands (reproducer() of this error has all elements of the operands and results):
      b1: float32[3] = map [3] add(b0, b0)
      b0: float32[3] = [1, 2, 3]
      --- source ---
      function (a0) {
      const v0 = a0[this.thread.x];
      const v1 = v0 + v0;
      return v1;
      }"
    `);
    await engine.dispose();
  });

  it('gives all elements, and texts that run on them', async () => {
    const size = 40;
    const engine = await scriptEngine();
    const view = { shape: [size], strides: [1], offset: 0 };
    const [kernel] = plan.kernels as readonly MapKernel[];
    const wide: Plan = {
      ...plan,
      buffers: plan.buffers.map((buffer) => ({ ...buffer, size })),
      kernels: [
        {
          ...kernel,
          shape: [size],
          inputs: [{ ...kernel.inputs[0], view }],
          outputs: [{ ...kernel.outputs[0], view }],
        },
      ],
    };
    const elements = Float32Array.from({ length: size }, (_, i) => i);
    const doubled = elements.map((x) => 2 * x);
    const spoiled = doubled.with(30, -1);
    vi.spyOn(engine, 'read').mockResolvedValueOnce(spoiled);
    const error = await failureOf(verifyPlan(engine, reference, wide, new Map([[0, elements]])));
    const reproducer = error.reproducer();
    expect(reproducer).toMatchObject({
      operands: { b0: elements },
      expected: { b1: doubled },
      found: { b1: spoiled },
      sources: [{ reads: ['b0'], writes: 'b1', output: [size] }],
      device: { mode: 'cpu', adapter: 'test' },
    });
    const [{ name, text, output, reads }] = reproducer?.sources ?? [];
    const program = engine.compile({ name, text, output, inputs: reads.length });
    const inputs = reads.map((each) =>
      engine.upload(Float32Array.from(reproducer?.operands[each] ?? [])),
    );
    expect(await engine.read(engine.run(program, inputs))).toEqual(doubled);
    await engine.dispose();
  });

  it('does not make the elements part of the error for those who walk over it', async () => {
    const engine = await scriptEngine();
    vi.spyOn(engine, 'read').mockResolvedValue(Float32Array.of(2, 5, 6));
    const error = await failureOf(verifyPlan(engine, reference, plan, values));
    expect(error.reproducer()).toBeDefined();
    expect(JSON.stringify(error)).not.toContain('operands');
    // As test runners do: of its own, and of its prototypes.
    const walked: unknown[] = [];
    let each: unknown = error;
    while (each instanceof Error) {
      const names = Object.getOwnPropertyNames(each);
      walked.push(...names.map((name) => Reflect.get(error, name) as unknown));
      each = Object.getPrototypeOf(each) as unknown;
    }
    expect(walked).toContain(error.message);
    expect(walked.filter((value) => typeof value === 'object')).toEqual([]);
    await engine.dispose();
  });
});

describe.skipIf(skipped !== null)(
  `verify on WebGPU${skipped === null ? '' : ` (skipped: ${skipped})`}`,
  () => {
    it.each([
      ['shared', () => softmax(normal(key(0), [5, 300]))],
      ['tiled', () => normal(key(1), [40, 30]).matmul(normal(key(2), [30, 50]))],
    ] as const)('gives what the device ran: a kernel of the form %s', async (form, compute) => {
      const options = { mode: 'webgpu', composites: 'fused', products: 'tiled' } as const;
      const backend = await gpuBackend({ ...options, verify: true });
      onTestFinished(async () => {
        vi.restoreAllMocks();
        setDefaultBackend(before);
        await backend.dispose();
      });
      setDefaultBackend(backend);
      const create = GPUDevice.prototype.createShaderModule;
      const double = vi
        .spyOn(GPUDevice.prototype, 'createShaderModule')
        .mockImplementation(function (this: GPUDevice, { code }) {
          const doubled = code.replaceAll(/(result\[[^\]]*\]) = ([^;]*);/g, '$1 = 2.0 * ($2);');
          return create.call(this, { code: code.includes('var<workgroup>') ? doubled : code });
        });
      const error = await failureOf(compute().data());
      expect(error.failure).toBe('mismatch');
      const reproducer = error.reproducer();
      if (reproducer === undefined) throw new Error('there is no reproducer');
      const { sources, operands, expected, found, device: report } = reproducer;
      expect(report).toEqual(backend.device);
      expect(sources).toHaveLength(1);
      const [{ shader, reads, writes }] = sources;
      if (shader === undefined) throw new Error('there is no shader');
      expect(shader.form).toBe(form);
      expect(error.source).toBe(shader.code);
      const { device } = await openDevice();
      const again = async (): Promise<number[]> => {
        const arrays = reads.map((name) => Float32Array.from(operands[name]));
        return [...(await runShader(device, shader, arrays, expected[writes].length))];
      };
      expect(await again()).toEqual([...found[writes]]);
      double.mockRestore();
      // float32 sums of at most 300 numbers
      (await again()).forEach((value, i) => expect(value).toBeCloseTo(expected[writes][i], 4));
      device.destroy();
    });
  },
);
