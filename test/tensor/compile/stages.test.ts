import { describe, expect, it, vi } from 'vitest';
import {
  compile,
  concat,
  cpuBackend,
  defaultBackend,
  gelu,
  linear,
  setDefaultBackend,
  softmax,
  StateError,
  tensor,
  zeros,
  type Tensor,
} from '@tessera/tensor';

const x = zeros([2, 3]);

describe('traced', () => {
  it('writes down every operation in order, captured tensors as constants', () => {
    const table = tensor([1, 2, 3]);
    const f = compile((a: Tensor) => a.add(table).transpose().exp());
    expect(f.stages(x).traced).toMatchInlineSnapshot(`
      "program(in0: float32[2, 3])
        const0: float32[3]
        v0: float32[2, 3] = expand(const0) { shape: [2, 3] }
        v1: float32[2, 3] = add(in0, v0)
        v2: float32[3, 2] = permute(v1) { axes: [1, 0] }
        v3: float32[3, 2] = exp(v2)
        return v3"
    `);
  });
});

describe('simplified', () => {
  it('drops neutral operands, computes constants, merges equals and forgets what nobody reads', () => {
    const f = compile((a: Tensor) => {
      a.tanh();
      const twice = a.exp().add(a.exp());
      return twice
        .mul(1)
        .sub(0)
        .mul(tensor(2).rank + 1);
    });
    expect(f.stages(x).simplified).toMatchInlineSnapshot(`
      "program(in0: float32[2, 3])
        v0: float32[2, 3] = exp(in0)
        v1: float32[2, 3] = add(v0, v0)
        return v1"
    `);
  });
});

describe('plan', () => {
  it('makes one map of a pointwise chain and its broadcasts', () => {
    const f = compile((a: Tensor, b: Tensor) => gelu(a.add(b)).mul(2));
    expect(f.stages(x, zeros([3])).plan).toMatchInlineSnapshot(`
      "plan: 1 kernel, arena 0 bytes
        out0: float32[2, 3] = map [2, 3] t0 = add(in0, in1[2, 3] strides [0, 1]); t1 = less(t0, -110);
            t2 = where(t1, -110, t0); t3 = where(less(110, t2), 110, t2); mul(where(t1, 0, mul(t0,
            sigmoid(mul(t3, add(mul(mul(t3, t3), 0.07135481627260025), 1.5957691216057308))))), 2)"
    `);
  });

  it('lets matmul read transposed operands without a copy', () => {
    const f = compile((a: Tensor, w: Tensor, b: Tensor) => linear(a, w, b).relu());
    expect(f.stages(x, zeros([4, 3]), zeros([4])).plan).toMatchInlineSnapshot(`
      "plan: 2 kernels, arena 64 bytes
        tmp3@0: float32[2, 4] = matmul(in0[2, 3], in1[4, 3]ᵀ)
        out0: float32[2, 4] = map [2, 4] t0 = add(tmp3, in2[2, 4] strides [0, 1]); where(lessEqual(t0, 0),
            0, t0)"
    `);
  });

  it('takes the map before a reduction into it and reuses dead memory', () => {
    const f = compile((a: Tensor) => softmax(a.mul(3)).square().sum(1));
    expect(f.stages(x).plan).toMatchInlineSnapshot(`
      "plan: 5 kernels, arena 128 bytes
        tmp1@0: float32[2, 3] = map [2, 3] mul(in0, 3)
        tmp2@64: float32[2] = max over [1] of [2, 3] tmp1
        tmp3@0: float32[2, 3] = map [2, 3] exp(sub(tmp1, tmp2[2, 3] strides [1, 0]))
        tmp4@64: float32[2] = sum over [1] of [2, 3] tmp3
        out0: float32[2] = sum over [1] of [2, 3] t0 = div(tmp3, tmp4[2, 3] strides [1, 0]); mul(t0, t0)"
    `);
  });

  it('writes donated state in place', () => {
    const f = compile(
      (state: { w: Tensor; m: Tensor }, g: Tensor) => {
        const m = state.m.mul(0.9).add(g);
        return { w: state.w.sub(m.mul(0.1)), m };
      },
      { donate: [0] },
    );
    expect(f.stages({ w: x, m: x }, x).plan).toMatchInlineSnapshot(`
      "plan: 1 kernel, arena 0 bytes
        out0 takes over in0
        out1 takes over in1
        out1: float32[2, 3], out0: float32[2, 3] = map [2, 3] t0 = add(mul(in1, 0.9), in2); t0, sub(in0,
            mul(t0, 0.1))"
    `);
  });

  it('copies outputs that are views or inputs, and fills padding', () => {
    const f = compile((a: Tensor) => [
      a,
      a.transpose(),
      a.pad([
        [0, 0],
        [1, 0],
      ]),
    ]);
    expect(f.stages(x).plan).toMatchInlineSnapshot(`
      "plan: 4 kernels, arena 0 bytes
        out2: float32[2, 4] = map [2, 4] 0
        out2: float32[2, 3] strides [4, 1] offset 1 = map [2, 3] in0
        out0: float32[2, 3] = map [2, 3] in0
        out1: float32[3, 2] = map [3, 2] in0[2, 3]ᵀ"
    `);
  });
});

describe('compile', () => {
  it('refuses a tensor used after it was donated, views of it included', () => {
    const w = tensor([1, 2, 3]);
    const view = w.slice([[0, 2]]);
    const step = compile((a: Tensor) => a.add(1), { donate: [0] });
    expect(step(w).toArraySync()).toEqual([2, 3, 4]);
    expect(() => w.dataSync()).toThrow(StateError);
    expect(() => view.add(1)).toThrow(StateError);
    expect(() => w.add(1)).toThrowErrorMatchingInlineSnapshot(
      `[StateError: add: the tensor was donated to a compiled function, which reused its memory. Use what that call returned instead, or leave the argument out of donate.]`,
    );
  });

  it('frees donated tensors that no output takes over', () => {
    const backend = cpuBackend();
    const release = vi.spyOn(backend, 'release');
    const before = defaultBackend();
    setDefaultBackend(backend);
    try {
      const sum = compile((a: Tensor, b: Tensor) => a.sum().add(b.sum()), { donate: [0] });
      const [a, b] = [tensor([1, 2, 3]), tensor([4, 5])];
      expect(sum(a, b).itemSync()).toBe(15);
      expect(() => a.dataSync()).toThrow(StateError);
      expect(b.toArraySync()).toEqual([4, 5]);
      expect(release.mock.calls.map(([{ size }]) => size)).toEqual([3]);
    } finally {
      release.mockRestore();
      setDefaultBackend(before);
    }
  });

  it('copies a donated tensor that stands twice in the arguments', () => {
    const w = tensor([1, 2]);
    const step = compile(
      (state: readonly Tensor[], b: Tensor) => [state[0].add(b), state[1].mul(2)],
      {
        donate: [0],
      },
    );
    const [a, b] = step([w, w], w);
    expect([a.toArraySync(), b.toArraySync()]).toEqual([
      [2, 4],
      [2, 4],
    ]);
    expect(w.toArraySync()).toEqual([1, 2]);
  });

  it('compiles anew for other shapes and other static values', () => {
    let traces = 0;
    const f = compile(({ a, factor }: { a: Tensor; factor: number }) => {
      traces++;
      return a.mul(factor);
    });
    f({ a: x, factor: 2 });
    f({ a: x, factor: 2 });
    expect(traces).toBe(1);
    expect(f({ a: tensor([1]), factor: 2 }).toArraySync()).toEqual([2]);
    expect(f({ a: tensor([1]), factor: 3 }).toArraySync()).toEqual([3]);
    expect(traces).toBe(3);
  });

  it('refuses functions that read values, leak tensors or are asynchronous', () => {
    let leaked: Tensor | undefined;
    expect(() =>
      compile((a: Tensor) => a.mul(a.dataSync()[0]))(x),
    ).toThrowErrorMatchingInlineSnapshot(
      `[StateError: data: the values of float32[2, 3] are not known while compile traces the function. Return the tensor and read it outside.]`,
    );
    compile((a: Tensor) => (leaked = a.mul(2)))(x);
    expect(() => leaked?.add(1)).toThrowErrorMatchingInlineSnapshot(
      `[StateError: evaluate: a tensor from inside a compiled function was used after tracing. Return it from that function instead.]`,
    );
    expect(() =>
      compile(async (a: Tensor) => Promise.resolve(a))(x),
    ).toThrowErrorMatchingInlineSnapshot(
      `[StateError: compile: the function returned a Promise, but it must be synchronous. Read values with await outside of it.]`,
    );
    expect(() => compile((a: Tensor) => a, { donate: [1] })(x)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: compile: donate names argument 1, but the function was called with 1.]`,
    );
  });

  it('refuses a constant that was donated after it was captured', () => {
    const table = tensor([1, 2, 3]);
    const f = compile((a: Tensor) => a.add(table));
    f(x);
    compile((a: Tensor) => a.neg(), { donate: [0] })(table);
    expect(() => f(x)).toThrow(StateError);
  });

  it('writes assemblies that are empty', () => {
    const f = compile((a: Tensor) => concat([a, a.neg()], 0));
    expect(f(zeros([0, 2])).shape).toEqual([0, 2]);
  });

  it('takes empty tensors and functions that return nothing new', () => {
    const f = compile((a: Tensor) => [a.sum(0), a.mul(2), a]);
    const [sum, doubled, same] = f(zeros([0, 3]));
    expect([sum.toArraySync(), doubled.shape, same.shape]).toEqual([
      [0, 0, 0],
      [0, 3],
      [0, 3],
    ]);
    expect(compile(() => [])()).toEqual([]);
  });
});
