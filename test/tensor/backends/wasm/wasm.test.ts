import { availableParallelism } from 'node:os';
import fc from 'fast-check';
import { afterAll, describe, expect, it, vi } from 'vitest';
import {
  compile,
  cpuBackend,
  defaultBackend,
  gelu,
  indexSelect,
  key,
  matmul,
  normal,
  setDefaultBackend,
  tensor,
  uniform,
  wasmBackend,
  type Tensor,
  type WasmBackend,
} from '@tessera/tensor';
import type { Plan } from '@tessera/tensor/extend';
import { programInputs, runProgram, steps } from '../../../properties/programs.ts';

const relaxed = wasmBackend({ threads: 1 });
const several = [1, 2, 3, 4].map((threads) => wasmBackend({ threads }));

afterAll(() => {
  for (const backend of several) backend.stopThreads();
});

/** What `work` gives when new tensors lie on a backend. */
function on<T>(backend: ReturnType<typeof defaultBackend>, work: () => T): T {
  const before = defaultBackend();
  setDefaultBackend(backend);
  try {
    return work();
  } finally {
    setDefaultBackend(before);
  }
}

/** A plan that computes nothing, but needs memory. */
function planOf(arenaBytes: number): Plan {
  return { buffers: [], kernels: [], inputs: 0, constants: 0, outputs: [], arenaBytes };
}

describe('wasmBackend', () => {
  it('uses as many threads as run at once, and relaxed SIMD where there is some', () => {
    const backend = wasmBackend();
    expect(backend.name).toBe('wasm');
    expect(backend.threads).toBe(availableParallelism());
    expect(wasmBackend({ relaxed: false }).relaxed).toBe(false);
    expect(wasmBackend({ threads: 7 }).threads).toBe(7);
  });

  it('refuses numbers of threads that are none', () => {
    expect(() => wasmBackend({ threads: 0 })).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: wasmBackend: threads must be a whole number from 1 to 1024, but is 0.]`,
    );
    expect(() => wasmBackend({ threads: 1.5 })).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: wasmBackend: threads must be a whole number from 1 to 1024, but is 1.5.]`,
    );
  });

  it('refuses several threads where memory cannot be shared', () => {
    vi.stubGlobal('SharedArrayBuffer', undefined);
    try {
      expect(() => wasmBackend({ threads: 2 })).toThrowErrorMatchingInlineSnapshot(
        `[StateError: wasmBackend: 2 threads need memory that they can share, which there is not here. A page must be cross-origin isolated (the headers COOP: same-origin and COEP: require-corp).]`,
      );
      expect(wasmBackend().threads).toBe(1);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it('refuses a plan too large for WebAssembly before it runs', () => {
    expect(() => relaxed.prepare(planOf(5 * 2 ** 30), [])).toThrowErrorMatchingInlineSnapshot(
      `[StateError: prepare: the plan needs 5120 MiB for its intermediate results, but WebAssembly reaches 4096 MiB. Use smaller batches, or checkpoint parts of the model.]`,
    );
  });

  it('refuses an operation without a kernel', () => {
    const operation = { kind: 'kernel', name: 'mystery' } as never;
    const kernel = { kind: 'call', operation, params: {}, inputs: [], outputs: [] } as const;
    expect(() =>
      relaxed.prepare({ ...planOf(0), kernels: [kernel] }, []),
    ).toThrowErrorMatchingInlineSnapshot(
      `[StateError: prepare: the wasm backend has no kernel for mystery. Composites that a backend does not list must be decomposed.]`,
    );
  });

  it('says what is wrong when memory is used up, and goes on when some is given back', () => {
    const backend = wasmBackend({ threads: 1 });
    const f = compile((x: Tensor) => matmul(x, x.add(1)));
    const run = (): number[] =>
      on(backend, () => Array.from(f(normal(key(1), [32, 32])).dataSync()));
    const expected = run();
    const held = [1, 2, 3].map(() => backend.allocate('float32', 2 ** 28));
    expect(() => backend.allocate('float32', 2 ** 28)).toThrow(
      /^allocate: no memory is left for 1024 MiB: 307\d MiB are in use/,
    );
    // A plan that does not fit leaves to earlier ones what they count on.
    expect(() => backend.prepare(planOf(3 * 2 ** 30), [])).toThrow(
      /^prepare: no memory is left for 3072 MiB/,
    );
    expect(run()).toEqual(expected);
    for (const storage of held) backend.release(storage);
    expect(() => backend.prepare(planOf(2 ** 30), [])).not.toThrow();
    expect(run()).toEqual(expected);
  });

  it('computes above 2 GiB, where addresses are negative as signed numbers', () => {
    const work = (): number[] => {
      const x = normal(key(2), [300, 300]);
      const index = tensor(
        Int32Array.from({ length: 300 }, (_, i) => (i * 7) % 300),
        { shape: [300] },
      );
      const f = compile((a: Tensor) =>
        gelu(matmul(a, a.transpose())).add(indexSelect(a, index, 0)),
      );
      return Array.from(f(x).sum(0).dataSync());
    };
    const expected = on(several[1], work);
    const backend = wasmBackend({ threads: 2 });
    backend.allocate('bool', 2 ** 31 + 2 ** 20);
    expect(on(backend, work)).toEqual(expected);
    backend.stopThreads();
  });
});

/** A training step of two layers, with all that a plan may have: products, reductions, random numbers. */
function train(): number[] {
  const step = compile(
    (state: { w: Tensor; v: Tensor; m: Tensor }, x: Tensor, y: Tensor, random: Tensor) => {
      const h = gelu(matmul(x, state.w));
      const kept = h.mul(uniform(random, h.shape).less(0.9).cast('float32'));
      const error = matmul(kept, state.v).sub(y);
      const dv = matmul(kept.transpose(), error);
      const dw = matmul(
        x.transpose(),
        matmul(error, state.v.transpose()).mul(h.greater(0).cast('float32')),
      );
      const m = state.m.mul(0.9).add(dw);
      return {
        state: { w: state.w.sub(m.mul(1e-4)), v: state.v.sub(dv.mul(1e-4)), m },
        loss: error.square().mean(),
      };
    },
    { donate: [0] },
  );
  const [w, v] = [normal(key(1), [65, 130]).mul(0.1), normal(key(2), [130, 33]).mul(0.1)];
  let state = { w, v, m: normal(key(5), [65, 130]).mul(0) };
  const x = normal(key(3), [257, 65]);
  const y = normal(key(4), [257, 33]);
  const losses: number[] = [];
  for (let i = 0; i < 5; i++) {
    const result = step(state, x, y, key(100 + i));
    ({ state } = result);
    losses.push(result.loss.itemSync());
  }
  return [...losses, ...state.w.dataSync(), ...state.v.dataSync()];
}

describe('results', () => {
  it('of a training have the same bits from two runs and from 1, 2, 3 and 4 threads', () => {
    const expected = on(several[0], train);
    expect(expected.slice(0, 5)).toEqual(expected.slice(0, 5).toSorted((a, b) => b - a));
    for (const backend of [...several, ...several]) expect(on(backend, train)).toEqual(expected);
  });

  it('of random programs have the same bits from 1, 2, 3 and 4 threads', () => {
    const values = (backend: WasmBackend, seed: number, list: Parameters<typeof runProgram>[1]) =>
      on(backend, () =>
        compile((...args: Tensor[]) => runProgram(args, list))(...programInputs(seed)).map((x) =>
          Array.from(x.dataSync()),
        ),
      );
    fc.assert(
      fc.property(steps, fc.nat(50), (list, seed) => {
        const expected = values(several[0], seed, list);
        for (const backend of several.slice(1))
          expect(values(backend, seed, list)).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  it('with relaxed SIMD and without agree, and both with cpu', () => {
    const plain = wasmBackend({ threads: 1, relaxed: false });
    const [a, b, c] = [relaxed, plain, cpuBackend()].map((backend) => on(backend, train));
    // Weights around 0.1 after five steps, of sums of some hundred float32 roundings.
    a.forEach((value, i) => {
      expect(Math.abs(value - b[i])).toBeLessThan(1e-5);
      expect(Math.abs(value - c[i])).toBeLessThan(1e-5);
    });
  });

  it('refuse an index that is outside in the words of cpu, on several threads too', () => {
    const x = () => normal(key(1), [400, 300]);
    const run = () => {
      const f = compile((a: Tensor, i: Tensor) => indexSelect(a.mul(2), i, 0));
      return f(
        x(),
        tensor(
          Int32Array.from({ length: 400 }, (_, i) => i + 1),
          { shape: [400] },
        ),
      );
    };
    const message = (backend: ReturnType<typeof defaultBackend>): string => {
      try {
        on(backend, run);
        return 'nothing was refused';
      } catch (error) {
        return String(error);
      }
    };
    const expected = message(cpuBackend());
    expect(expected).toMatchInlineSnapshot(
      `"ValueError: gather: index 400 is outside axis 0 of [400, 300]: indices along it are 0 to 399. Ids of embedding and crossEntropy are such indices."`,
    );
    for (const backend of several) expect(message(backend)).toBe(expected);
    // And it works afterwards.
    expect(on(several[1], () => x().sum().itemSync())).toBeTypeOf('number');
  });
});

describe('one compiled function', () => {
  it('runs on every backend that its arguments lie on, of one name or not', () => {
    const before = defaultBackend();
    const f = compile((x: Tensor) => x.mul(2).exp());
    try {
      const results = [relaxed, several[1], cpuBackend()].map((backend) => {
        setDefaultBackend(backend);
        return [...f(tensor([0])).dataSync()];
      });
      expect(results).toEqual([[1], [1], [1]]);
    } finally {
      setDefaultBackend(before);
    }
  });
});
