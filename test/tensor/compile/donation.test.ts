import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  compile,
  cpuBackend,
  defaultBackend,
  full,
  gather,
  ones,
  setDefaultBackend,
  StateError,
  tensor,
  ValueError,
  wasmBackend,
  zeros,
  type Backend,
  type Tensor,
} from '@tessera/tensor';
import { programInputs, runProgram, steps } from '../../properties/programs.ts';

const before = defaultBackend();

/** Backends by name, made when they are first needed. */
const backends: Readonly<Record<string, () => Backend>> = {
  cpu: cpuBackend,
  'wasm, 1 thread': () => wasmBackend({ threads: 1 }),
  'wasm, 2 threads': () => wasmBackend({ threads: 2 }),
};

/** The elements, or the words with which they are refused. */
function stateOf(x: Tensor): unknown {
  try {
    return Array.from(x.dataSync());
  } catch (error) {
    return String(error);
  }
}

describe.each(Object.entries(backends))('a refused call on %s', (_name, open) => {
  let backend: Backend;
  beforeAll(() => {
    backend = open();
    setDefaultBackend(backend);
  });
  afterAll(() => {
    setDefaultBackend(before);
    if ('stopThreads' in backend) (backend as ReturnType<typeof wasmBackend>).stopThreads();
  });

  const ids = (...values: number[]): Tensor => tensor(Int32Array.from(values));
  const step = compile(
    (state: { w: Tensor; m: Tensor }, at: Tensor, g: Tensor) => {
      const m = state.m.mul(0.5).add(gather(g, at, 0));
      return { w: state.w.sub(m), m };
    },
    { donate: [0] },
  );
  const stateOfTwo = (): { w: Tensor; m: Tensor } => ({ w: tensor([1, 2]), m: tensor([3, 4]) });

  /** Calls with each fault; then the same state works. */
  function expectKept(fault: (state: { w: Tensor; m: Tensor }) => unknown): void {
    const state = stateOfTwo();
    fault(state);
    expect([stateOf(state.w), stateOf(state.m)]).toEqual([
      [1, 2],
      [3, 4],
    ]);
    const next = step(state, ids(1, 0), tensor([10, 20]));
    expect([stateOf(next.w), stateOf(next.m)]).toEqual([
      [-20.5, -10],
      [21.5, 12],
    ]);
    expect(() => state.w.dataSync()).toThrow('was donated');
  }

  it('keeps donated tensors: an index outside', () => {
    for (const at of [ids(0, 2), ids(-1, 0)]) {
      expectKept((state) => {
        expect(() => step(state, at, tensor([10, 20]))).toThrow(ValueError);
      });
    }
  });

  it('keeps donated tensors: one operand, donated or not, is gone', () => {
    expectKept((state) => {
      const gone = tensor([1, 2]);
      gone[Symbol.dispose]();
      expect(() => step(state, ids(1, 0), gone)).toThrow('was disposed');
      expect(() => step({ ...state, m: gone }, ids(1, 0), tensor([1, 2]))).toThrow('was disposed');
      expect(() => step({ ...state, w: gone }, ids(1, 0), tensor([1, 2]))).toThrow('was disposed');
      expect(() => step({ w: gone, m: gone }, ids(1, 0), state.w)).toThrow('was disposed');
    });
  });

  it('keeps donated tensors: an operand of another backend', () => {
    expectKept((state) => {
      setDefaultBackend(cpuBackend());
      const foreign = tensor([1, 2]);
      setDefaultBackend(backend);
      expect(() => step(state, ids(1, 0), foreign)).toThrow(StateError);
    });
  });

  it('keeps donated tensors: no memory for a result', () => {
    const more = compile((w: Tensor, x: Tensor) => [w.add(1), x.sum(), x.add(w.sum())], {
      donate: [0],
    });
    const [w, x] = [tensor([1, 2]), tensor([3, 4, 5])];
    const expected = more(tensor([1, 2]), x).map(stateOf);
    for (const works of [0, 1]) {
      const { allocate } = backend;
      let calls = 0;
      const spy = vi.spyOn(backend, 'allocate').mockImplementation((dtype, size) => {
        if (calls++ === works) throw new StateError('allocate', 'no memory is left.');
        return allocate(dtype, size);
      });
      expect(() => more(w, x)).toThrow('no memory');
      spy.mockRestore();
      expect(stateOf(w)).toEqual([1, 2]);
    }
    expect(more(w, x).map(stateOf)).toEqual(expected);
  });

  it('leaves all state as it was: random programs, donations and faults', () => {
    fc.assert(
      fc.property(
        steps,
        fc.nat(50),
        fc.subarray([0, 1, 2, 3]),
        fc.constantFrom('index', 'disposed', 'twice'),
        fc.nat(3),
        (program, seed, donate, fault, victim) => {
          const f = compile(
            (a: Tensor, b: Tensor, c: Tensor, at: Tensor) => [
              ...runProgram([a, b, c], program),
              gather(b, at, 0).exp(),
            ],
            { donate },
          );
          const args = (): [Tensor, Tensor, Tensor, Tensor] => [
            ...(programInputs(seed) as [Tensor, Tensor, Tensor]),
            ids(3, 0),
          ];
          const expected = f(...args()).map(stateOf);
          const given = args();
          if (fault === 'index') given[3] = ids(0, 4);
          if (fault === 'disposed') given[victim][Symbol.dispose]();
          if (fault === 'twice') {
            given[3] = ids(-1, 0);
            given[1] = given[0].select(0, 0);
          }
          const was = given.map(stateOf);
          expect(() => f(...given)).toThrow(/index|disposed/);
          expect(given.map(stateOf)).toEqual(was);
          expect(f(...args()).map(stateOf)).toEqual(expected);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('gives donated tensors up when it is not refused, views and repeated numbers too', () => {
    const f = compile((a: Tensor, b: Tensor) => [a.add(b), b.sum()], { donate: [0, 1] });
    const base = tensor([
      [1, 2],
      [3, 4],
    ]);
    const uniform = full([2, 2], 7);
    const view = uniform.reshape([4]);
    expect(f(base.transpose(), uniform).map(stateOf)).toEqual([[8, 10, 9, 11], [28]]);
    for (const gone of [base, uniform, view]) {
      expect(() => gone.dataSync()).toThrow('was donated');
      expect(() => gone.add(1)).toThrow('was donated');
      expect(() => gone.reshape([2, 2]).sum().dataSync()).toThrow('was donated');
      expect(() => f(gone.reshape([2, 2]), ones([2, 2]))).toThrow('was donated');
    }
  });

  it('neither writes over nor takes a tensor that the function captures', () => {
    const w = tensor([1, 2]);
    const f = compile((a: Tensor) => [a.add(1), a.add(1).sum().mul(w)], { donate: [0] });
    for (let i = 0; i < 2; i++) {
      expect(f(w).map(stateOf)).toEqual([
        [2, 3],
        [5, 10],
      ]);
    }
  });
});

describe('a run that fails after it began to write over what was donated', () => {
  it('says so where that is used', () => {
    const backend = cpuBackend();
    setDefaultBackend(backend);
    try {
      const w = tensor([1, 2]).add(1);
      const f = compile((a: Tensor) => a.add(1), { donate: [0] });
      const fail = vi.spyOn(Float32Array.prototype, 'subarray').mockImplementation(() => {
        throw new RangeError('Array buffer allocation failed');
      });
      expect(() => f(w)).toThrow(RangeError);
      fail.mockRestore();
      expect(stateOf(w)).toMatchInlineSnapshot(
        `"StateError: data: the tensor was lost in a call that failed after it had begun to write over it (Array buffer allocation failed). Go on from a copy or a checkpoint."`,
      );
    } finally {
      setDefaultBackend(before);
    }
  });
});

describe('a tensor of one repeated number', () => {
  it.each([ones([4]), zeros([2]).reshape([1, 2]), full([3], 2).mul(2)])(
    'refuses use after it was disposed, as its views do: %s',
    (x) => {
      const view = x.expand([2, ...x.shape]);
      const copy = x.add(0);
      x[Symbol.dispose]();
      for (const gone of [x, view]) {
        expect(() => gone.dataSync()).toThrow('was disposed');
        expect(() => gone.add(1)).toThrow('was disposed');
        expect(() => gone.unsqueeze(0)).toThrow('was disposed');
        expect(() => compile((y: Tensor) => y.neg())(gone)).toThrow('was disposed');
        expect(() => compile((y: Tensor) => y.mul(gone))(tensor([1]))).toThrow('was disposed');
      }
      expect(copy.dataSync()).toHaveLength(copy.size);
    },
  );
});
