import { cpuBackend } from '@tessera/tensor';
import { primitives, type Plan } from '@tessera/tensor/extend';
import { describe, expect, it, vi } from 'vitest';
import { verifyPlan, type Reference } from '../../../../packages/tensor/src/backends/gpu/verify.ts';
import type { MapKernel } from '../../../../packages/tensor/src/compile/kernel.ts';
import { failureOf } from './device-failures.ts';
import { scriptEngine } from './script-engine.ts';

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
      "map add: cpu and the reference disagree: element 1 of b1 is 5, but 4 is right (± 0.0006000000000000001). The kernel, and what it reads (all elements of that, and of the results, are in \`reproducer\` of this error):
      b1: float32[3] = map [3] add(b0[3], b0[3])
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
    const { reproducer } = await failureOf(
      verifyPlan(engine, reference, wide, new Map([[0, elements]])),
    );
    expect(reproducer).toMatchObject({
      operands: { b0: elements },
      expected: { b1: doubled },
      found: { b1: spoiled },
      sources: [{ reads: ['b0'], writes: 'b1', output: [size] }],
    });
    const [{ name, text, output, reads }] = reproducer?.sources ?? [];
    const program = engine.compile({ name, text, output, inputs: reads.length });
    const inputs = reads.map((each) =>
      engine.upload(Float32Array.from(reproducer?.operands[each] ?? [])),
    );
    expect(await engine.read(engine.run(program, inputs))).toEqual(doubled);
    await engine.dispose();
  });
});
