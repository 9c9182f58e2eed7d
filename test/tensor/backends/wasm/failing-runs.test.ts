import {
  compile,
  key,
  matmul,
  normal,
  setDefaultBackend,
  wasmBackend,
  type Tensor,
} from '@tessera/tensor';
import type { Plan } from '@tessera/tensor/extend';
import { describe, expect, it } from 'vitest';

describe('a run that fails in the middle of a unit', () => {
  /** A plan that adds up what lies far behind the memory, in many units. */
  function planOutside(): Plan {
    const view = { shape: [2 ** 20], strides: [1], offset: 0 };
    const load = { kind: 'load', input: 0, dtype: 'float32' } as const;
    return {
      buffers: [
        { place: { kind: 'input', index: 0 }, dtype: 'float32', size: 4 },
        { place: { kind: 'output', index: 0 }, dtype: 'float32', size: 2 ** 20 },
      ],
      kernels: [
        {
          kind: 'map',
          shape: [2 ** 20],
          expression: { nodes: [load], results: [0] },
          inputs: [{ buffer: 0, dtype: 'float32', view: { ...view, offset: 2 ** 28 } }],
          outputs: [{ buffer: 1, dtype: 'float32', view }],
        },
      ],
      inputs: 1,
      constants: 0,
      outputs: [{ dtype: 'float32', shape: [2 ** 20], donatedInput: null }],
      arenaBytes: 0,
    };
  }

  it.each([1, 2, 3])('is an error and leaves no trace: %i threads', (threads) => {
    const backend = wasmBackend({ threads });
    const work = compile((x: Tensor) => matmul(x, x.add(1)).sum());
    const before = setDefaultBackend(backend);
    const x = normal(key(3), [200, 200]);
    setDefaultBackend(before);
    const run = (): number => work(x).itemSync();
    const expected = run();
    const outside = backend.prepare(planOutside(), []);
    const input = backend.store(new Float32Array(4), 'float32');
    for (let i = 0; i < 5; i++) {
      const output = backend.allocate('float32', 2 ** 20);
      // Whichever thread comes first: the error of the main one, or of another.
      expect(() => {
        outside.run([input], [output]);
      }).toThrow(/memory access out of bounds|thread \d failed in the middle of a run/);
      backend.release(output);
      expect(run()).toBe(expected);
    }
    backend.stopThreads();
  });
});
