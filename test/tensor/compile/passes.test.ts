import { grad, valueAndGrad } from '@tessera/autograd';
import { gelu, linear, matmul, type Tensor } from '@tessera/tensor';
import { formatPlan, planProgram, simplify, trace } from '@tessera/tensor/extend';
import { describe, expect, it } from 'vitest';

type Shapes = readonly (readonly number[])[];

/** The plan of a function of tensors of these shapes, for a backend whose matmul takes epilogues or not. */
function planOf(
  f: (...args: Tensor[]) => readonly Tensor[],
  shapes: Shapes,
  epilogues: readonly string[] = [],
): string {
  const specs = shapes.map((shape) => ({ shape, dtype: 'float32' as const }));
  const program = trace((args) => f(...args), specs, {
    composites: new Set(),
    capture: () => {
      throw new Error('nothing is captured here');
    },
  });
  return formatPlan(planProgram(simplify(program), [], undefined, new Set(epilogues)));
}

describe('assemblies', () => {
  it('of the gradients of slices are merged: each part is written where it belongs', () => {
    const loss = (x: Tensor): Tensor => {
      const [a, b, c] = x.chunk(3, 1);
      return a.mul(b).add(c.sin()).sum();
    };
    expect(planOf((x) => [grad(loss)(x)], [[2, 6]])).toMatchInlineSnapshot(`
      "plan: 3 kernels, arena 0 bytes
        out0: float32[2, 2] strides [6, 1] offset 4 =
            map [2, 2] add(cos(in0[2, 2] strides [6, 1] offset 4), 0)
        out0: float32[2, 2] strides [6, 1] offset 2 = map [2, 2] add(in0[2, 2] strides [6, 1], 0)
        out0: float32[2, 2] strides [6, 1] = map [2, 2] add(in0[2, 2] strides [6, 1] offset 2, 0)"
    `);
  });

  it('add one 0 to each part, however many there are', () => {
    const loss = (x: Tensor): Tensor =>
      x
        .chunk(5, 0)
        .map((part, i) => part.mul(i + 2))
        .reduce((sum, part) => sum.add(part))
        .square()
        .sum();
    const plan = planOf((x) => [grad(loss)(x)], [[10]]);
    const kernels = plan.split('\n').filter((line) => line.includes('out0: '));
    expect(kernels.map((line) => line.split(', 0)').length - 1)).toEqual([1, 1, 1, 1, 1]);
  });

  it('of slices that meet are added', () => {
    const loss = (x: Tensor): Tensor => {
      const left = x.slice([[0, 2]]);
      const right = x.slice([[1, 3]]);
      return left.mul(right).sum();
    };
    expect(planOf((x) => [grad(loss)(x)], [[3]])).toMatchInlineSnapshot(`
      "plan: 5 kernels, arena 128 bytes
        tmp1@0: float32[3] = map [3] 0
        tmp1: float32[2] offset 1 = map [2] in0
        tmp2@64: float32[3] = map [3] 0
        tmp2: float32[2] = map [2] in0[2] offset 1
        out0: float32[3] = map [3] add(tmp1, tmp2)"
    `);
  });

  it('with gaps are filled with zeros first', () => {
    const loss = (x: Tensor): Tensor => {
      const [a, , c] = x.chunk(3, 0);
      return a.mul(c).sum();
    };
    expect(planOf((x) => [grad(loss)(x)], [[6]])).toMatchInlineSnapshot(`
      "plan: 3 kernels, arena 0 bytes
        out0: float32[6] = map [6] 0
        out0: float32[2] offset 4 = map [2] add(in0, 0)
        out0: float32[2] = map [2] add(in0[2] offset 4, 0)"
    `);
  });

  it('take the work on their parts along', () => {
    expect(
      planOf(
        (x, y) => [
          x
            .mul(2)
            .pad([
              [1, 0],
              [0, 0],
            ])
            .add(
              y.exp().pad([
                [0, 2],
                [0, 0],
              ]),
            ),
        ],
        [
          [2, 3],
          [1, 3],
        ],
      ),
    ).toMatchInlineSnapshot(`
      "plan: 2 kernels, arena 0 bytes
        out0: float32[2, 3] offset 3 = map [2, 3] add(mul(in0, 2), 0)
        out0: float32[1, 3] = map [1, 3] add(exp(in1), 0)"
    `);
  });
});

describe('rematerialisation', () => {
  it('keeps the input of GELU for its gradient, not its square and sigmoid', () => {
    const loss = (x: Tensor, w: Tensor): Tensor => matmul(gelu(matmul(x, w)), w).sum();
    const f = (x: Tensor, w: Tensor): Tensor[] => {
      const { value, grads } = valueAndGrad(loss)(x, w);
      return [value, grads];
    };
    const plan = planOf(f, [
      [4, 4],
      [4, 4],
    ]);
    expect(plan).toMatchInlineSnapshot(`
      "plan: 8 kernels, arena 192 bytes
        tmp2@0: float32[4, 4] = matmul(in0[4, 4], in1[4, 4])
        tmp3@64: float32[4, 4] = map [4, 4] t0 = less(tmp2, -110); t1 = where(t0, -110, tmp2); t2 =
            where(less(110, t1), 110, t1); where(t0, 0, mul(tmp2, sigmoid(mul(t2, add(mul(mul(t2, t2),
            0.07135481627260025), 1.5957691216057308)))))
        tmp4@128: float32[4, 4] = matmul(tmp3[4, 4], in1[4, 4])
        out0: float32[] = sum over [0, 1] of [4, 4] tmp4
        tmp6@64: float32[] = map [] 1
        tmp7@128: float32[4, 4] = matmul(tmp6[4, 4] strides [0, 0], in1[4, 4]ᵀ)
        tmp8@0: float32[4, 4] = map [4, 4] t0 = less(tmp2, -110); t1 = where(t0, 0, tmp7); t2 = where(t0,
            -110, tmp2); t3 = less(110, t2); t4 = where(t3, 110, t2); t5 = add(mul(mul(t4, t4),
            0.07135481627260025), 1.5957691216057308); t6 = sigmoid(mul(t4, t5)); t7 = mul(mul(mul(t1,
            tmp2), t6), add(neg(t6), 1)); t8 = mul(mul(mul(t7, t4), 0.07135481627260025), t4); add(mul(t1,
            t6), where(t0, 0, where(t3, 0, add(add(mul(t7, t5), t8), t8))))
        out1: float32[4, 4] = matmul(tmp8[4, 4], in1[4, 4]ᵀ)"
    `);
  });

  it('leaves nothing of what readers compute themselves in the kernel that made it', () => {
    const loss = (x: Tensor): Tensor => {
      const y = x.sin().sum(1, { keepDims: true }).mul(x);
      return y.exp().sum(1).square().sum();
    };
    expect(planOf((x) => [grad(loss)(x)], [[2, 3]])).toMatchInlineSnapshot(`
      "plan: 6 kernels, arena 192 bytes
        tmp1@0: float32[2] = sum over [1] of [2, 3] sin(in0)
        tmp2@64: float32[2] = sum over [1] of [2, 3] exp(mul(tmp1[2, 3] strides [1, 0], in0))
        tmp3@64: float32[2] = map [2] add(tmp2, tmp2)
        tmp4@128: float32[2, 3] = map [2, 3] mul(tmp3[2, 3] strides [1, 0],
            exp(mul(tmp1[2, 3] strides [1, 0], in0)))
        tmp5@64: float32[2] = sum over [1] of [2, 3] mul(tmp4, in0)
        out0: float32[2, 3] = map [2, 3] add(mul(tmp4, tmp1[2, 3] strides [1, 0]),
            mul(tmp5[2, 3] strides [1, 0], cos(in0)))"
    `);
  });

  it('keeps what is cheap to keep, and what was asked for', () => {
    expect(
      planOf(
        (x, w) => {
          const y = x.exp();
          return [y, matmul(y, w)];
        },
        [
          [4, 4],
          [4, 4],
        ],
      ),
    ).toMatchInlineSnapshot(`
      "plan: 2 kernels, arena 0 bytes
        out0: float32[4, 4] = map [4, 4] exp(in0)
        out1: float32[4, 4] = matmul(out0[4, 4], in1[4, 4])"
    `);
  });
});

describe('epilogues', () => {
  const shapes = [[5, 4], [3, 4], [3], [5, 3]];

  it('are bias, activation and residual of a product, where the kernel takes them', () => {
    const f = (x: Tensor, w: Tensor, b: Tensor, r: Tensor): Tensor[] => [
      linear(x, w, b).relu().add(r),
    ];
    expect(planOf(f, shapes)).toMatchInlineSnapshot(`
      "plan: 2 kernels, arena 64 bytes
        tmp4@0: float32[5, 3] = matmul(in0[5, 4], in1[3, 4]ᵀ)
        out0: float32[5, 3] = map [5, 3] t0 = add(tmp4, in2[5, 3] strides [0, 1]); add(where(lessEqual(t0,
            0), 0, t0), in3)"
    `);
    expect(planOf(f, shapes, ['matmul'])).toMatchInlineSnapshot(`
      "plan: 1 kernel, arena 0 bytes
        out0: float32[5, 3] = y = matmul(in0[5, 4], in1[3, 4]ᵀ); [5, 3] t0 = add(y,
            in2[5, 3] strides [0, 1]); add(where(lessEqual(t0, 0), 0, t0), in3)"
    `);
  });

  it('have further results where others read them', () => {
    const f = (x: Tensor, w: Tensor, b: Tensor): Tensor[] => {
      const h = linear(x, w, b);
      return [h, h.tanh()];
    };
    expect(planOf(f, shapes.slice(0, 3), ['matmul'])).toMatchInlineSnapshot(`
      "plan: 1 kernel, arena 0 bytes
        out0: float32[5, 3], out1: float32[5, 3] = y = matmul(in0[5, 4], in1[3, 4]ᵀ); [5, 3] t0 = add(y,
            in2[5, 3] strides [0, 1]); t0, tanh(t0)"
    `);
  });

  it('are none where another kernel reads the product as well', () => {
    const f = (x: Tensor, w: Tensor): Tensor[] => {
      const y = matmul(x, w.transpose());
      return [y.exp(), matmul(y.transpose(), y)];
    };
    expect(planOf(f, shapes.slice(0, 2), ['matmul'])).toMatchInlineSnapshot(`
      "plan: 3 kernels, arena 64 bytes
        tmp2@0: float32[5, 3] = matmul(in0[5, 4], in1[3, 4]ᵀ)
        out0: float32[5, 3] = map [5, 3] exp(tmp2)
        out1: float32[3, 3] = matmul(tmp2[5, 3]ᵀ, tmp2[5, 3])"
    `);
  });

  it('count no map as a reader that computes nothing any more', () => {
    // u and v are one map, which the sum keeps apart from the other map; that computes v again.
    const f = (x: Tensor, w: Tensor, y: Tensor): Tensor[] => {
      const product = matmul(x, w.transpose());
      const u = y.exp().sin();
      const v = product.mul(u);
      const first = product.mul(v).add(u).add(u.sum());
      return [first, first.mul(v)];
    };
    const plan = planOf(
      f,
      [
        [5, 4],
        [3, 4],
        [5, 3],
      ],
      ['matmul'],
    );
    expect(plan).toMatchInlineSnapshot(`
      "plan: 2 kernels, arena 64 bytes
        tmp3@0: float32[] = sum over [0, 1] of [5, 3] sin(exp(in2))
        out0: float32[5, 3], out1: float32[5, 3] = y = matmul(in0[5, 4], in1[3, 4]ᵀ); [5, 3] t0 =
            sin(exp(in2)); t1 = mul(y, t0); t2 = add(add(mul(y, t1), t0), tmp3[5, 3] strides [0, 0]); t2,
            mul(t2, t1)"
    `);
  });

  it('are none where work crosses the rows of the product', () => {
    const f = (x: Tensor, w: Tensor): Tensor[] => [matmul(x, w.transpose()).transpose().add(1)];
    expect(planOf(f, shapes.slice(0, 2), ['matmul'])).toMatchInlineSnapshot(`
      "plan: 2 kernels, arena 64 bytes
        tmp2@0: float32[5, 3] = matmul(in0[5, 4], in1[3, 4]ᵀ)
        out0: float32[3, 5] = map [3, 5] add(tmp2[5, 3]ᵀ, 1)"
    `);
  });
});
