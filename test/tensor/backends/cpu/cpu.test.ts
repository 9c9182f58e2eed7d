import { describe, expect, it } from 'vitest';
import { cpuBackend } from '../../../../packages/tensor/src/backends/cpu/cpu.ts';
import type {
  CallKernel,
  MapKernel,
  Operand,
} from '../../../../packages/tensor/src/plan/kernel.ts';
import type { Plan, PlanBuffer } from '../../../../packages/tensor/src/plan/plan.ts';
import { StateError } from '../../../../packages/tensor/src/errors.ts';
import { pointwise } from '../../../../packages/tensor/src/primitives/pointwise.ts';
import { source } from '../../../../packages/tensor/src/primitives/source.ts';
import { contiguousView } from '../../../../packages/tensor/src/array/view.ts';

const SIZE = 3;
const window = (buffer: number): Operand => ({
  buffer,
  dtype: 'float32',
  view: contiguousView([SIZE]),
});

/** `buffers[out] = buffers[a] ∘ buffers[b]`. */
function binary(name: 'add' | 'mul', a: number, b: number, out: number): MapKernel {
  return {
    kind: 'map',
    shape: [SIZE],
    inputs: [window(a), window(b)],
    expression: {
      nodes: [
        { kind: 'load', input: 0, dtype: 'float32' },
        { kind: 'load', input: 1, dtype: 'float32' },
        {
          kind: 'apply',
          primitive: pointwise[name],
          params: {},
          args: [0, 1],
          dtype: 'float32',
        },
      ],
      results: [2],
    },
    outputs: [window(out)],
  };
}

function planOf(
  places: readonly PlanBuffer['place'][],
  kernels: Plan['kernels'],
  donatedInput: number | null,
): Plan {
  return {
    buffers: places.map((place) => ({ dtype: 'float32', size: SIZE, place })),
    kernels,
    inputs: places.filter(({ kind }) => kind === 'input').length,
    constants: places.filter(({ kind }) => kind === 'constant').length,
    outputs: [{ shape: [SIZE], dtype: 'float32', donatedInput }],
    arenaBytes: 256,
  };
}

const floats = (...values: number[]): Float32Array => new Float32Array(values);

describe('cpuBackend', () => {
  it('runs kernels in order over inputs, constants, the arena and outputs', () => {
    const backend = cpuBackend();
    const plan = planOf(
      [
        { kind: 'input', index: 0 },
        { kind: 'constant', index: 0 },
        { kind: 'arena', offset: 0 },
        { kind: 'arena', offset: 64 },
        { kind: 'output', index: 0 },
      ],
      [binary('add', 0, 1, 2), binary('mul', 2, 2, 3), binary('add', 2, 3, 4)],
      null,
    );
    const executable = backend.prepare(plan, [backend.store(floats(1, 1, 1), 'float32')]);
    const output = backend.allocate('float32', SIZE);
    executable.run([backend.store(floats(0, 1, 2), 'float32')], [output]);
    expect(backend.readSync(output)).toEqual(floats(2, 6, 12));
    executable.run([backend.store(floats(3, 4, 5), 'float32')], [output]);
    expect(backend.readSync(output)).toEqual(floats(20, 30, 42));
  });

  it('writes an output over the input that it takes over', () => {
    const backend = cpuBackend();
    const places = [{ kind: 'input', index: 0 } as const, { kind: 'output', index: 0 } as const];
    const executable = backend.prepare(planOf(places, [binary('add', 0, 0, 1)], 0), []);
    const storage = backend.transfer(backend.store(floats(1, 2, 3), 'float32'), 'compile');
    executable.run([storage], [storage]);
    expect(backend.readSync(storage)).toEqual(floats(2, 4, 6));
  });

  it('never writes to an array that somebody else may hold', async () => {
    const backend = cpuBackend();
    const places = [{ kind: 'input', index: 0 } as const, { kind: 'output', index: 0 } as const];
    const executable = backend.prepare(planOf(places, [binary('add', 0, 0, 1)], 0), []);
    const given = floats(1, 2, 3);
    const first = backend.transfer(backend.store(given, 'float32'), 'compile');
    executable.run([first], [first]);
    const read = await backend.read(first);
    const second = backend.transfer(first, 'compile');
    executable.run([second], [second]);
    expect([given, read, backend.readSync(second)]).toEqual([
      floats(1, 2, 3),
      floats(2, 4, 6),
      floats(4, 8, 12),
    ]);
  });

  it('moves the elements to the new handle', () => {
    const backend = cpuBackend();
    const storage = backend.store(floats(1, 2, 3), 'float32');
    const moved = backend.transfer(backend.transfer(storage, 'compile'), 'compile');
    expect([moved.backend, moved.dtype, moved.size]).toEqual([backend, 'float32', 3]);
    expect(backend.readSync(moved)).toEqual(floats(1, 2, 3));
  });

  it('refuses a donated storage, wherever it is used', async () => {
    const backend = cpuBackend();
    const places = [{ kind: 'input', index: 0 } as const, { kind: 'output', index: 0 } as const];
    const executable = backend.prepare(planOf(places, [binary('add', 0, 0, 1)], null), []);
    const storage = backend.store(floats(1, 2, 3), 'float32');
    backend.transfer(storage, 'compile');
    expect(() => backend.readSync(storage)).toThrowErrorMatchingInlineSnapshot(
      `[StateError: data: the tensor was donated to a compiled function, which reused its memory. Use what that call returned instead, or leave the argument out of donate.]`,
    );
    expect(() => backend.transfer(storage, 'compile')).toThrow(StateError);
    await expect(backend.read(storage)).rejects.toThrow(StateError);
    const run = (): void => executable.run([storage], [backend.allocate('float32', SIZE)]);
    expect(run).toThrowErrorMatchingInlineSnapshot(
      `[StateError: add: the tensor was donated to a compiled function, which reused its memory. Use what that call returned instead, or leave the argument out of donate.]`,
    );
  });

  it('refuses a released storage, and releases it once only', () => {
    const backend = cpuBackend();
    const storage = backend.allocate('int32', 1);
    backend.release(storage);
    expect(() => backend.readSync(storage)).toThrowErrorMatchingInlineSnapshot(
      `[StateError: data: the tensor was disposed. Read its values or compute with it before it is disposed.]`,
    );
    expect(() => backend.release(storage)).not.toThrow();
  });

  it('refuses storage of another backend', () => {
    const foreign = cpuBackend().allocate('float32', 1);
    expect(() => cpuBackend().readSync(foreign)).toThrowErrorMatchingInlineSnapshot(
      `[StateError: data: the tensor is stored on another backend (cpu), not on this cpu backend. Read its values there and make a new tensor of them here.]`,
    );
  });

  it('refuses an operation without a kernel', () => {
    const operation = { ...source.iota, name: 'toString' };
    const kernel: CallKernel = {
      kind: 'call',
      operation,
      params: { size: 3 },
      inputs: [],
      outputs: [window(0)],
    };
    const plan = planOf([{ kind: 'output', index: 0 }], [kernel], null);
    expect(() => cpuBackend().prepare(plan, [])).toThrowErrorMatchingInlineSnapshot(
      `[StateError: prepare: the cpu backend has no kernel for toString. Composites that a backend does not list must be decomposed.]`,
    );
  });
});
