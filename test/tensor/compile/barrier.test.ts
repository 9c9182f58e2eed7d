import { compile, ones, tensor, zeros, type Tensor } from '@tessera/tensor';
import { apply, primitives } from '@tessera/tensor/extend';
import { describe, expect, it } from 'vitest';

const barrier = (x: Tensor): Tensor => apply(primitives.barrier, [x], {})[0];

describe('barrier', () => {
  it('is its argument, without a copy', () => {
    const x = tensor([1, 2, 3]);
    expect(barrier(x).toArraySync()).toEqual([1, 2, 3]);
    const storageOf = ({ value }: Tensor) => (value.kind === 'stored' ? value.storage : null);
    expect(storageOf(barrier(x))).toBe(storageOf(x));
    expect(compile((y: Tensor) => barrier(y).add(1))(x).toArraySync()).toEqual([2, 3, 4]);
    expect(compile(barrier)(x).toArraySync()).toEqual([1, 2, 3]);
  });

  it('keeps equal work apart, each barrier for itself', () => {
    const f = (x: Tensor): Tensor => x.sin().add(barrier(x).sin()).add(barrier(x).sin());
    expect(compile(f).stages(zeros([2])).simplified).toMatchInlineSnapshot(`
      "program(in0: float32[2])
        v0: float32[2] = sin(in0)
        v1: float32[2] = barrier(in0)
        v2: float32[2] = sin(v1)
        v3: float32[2] = add(v0, v2)
        v4: float32[2] = barrier(in0)
        v5: float32[2] = sin(v4)
        v6: float32[2] = add(v3, v5)
        return v6"
    `);
  });

  it('keeps work behind it out of the kernel that makes its argument', () => {
    const kernels = (wall: (x: Tensor) => Tensor): string[] => {
      const f = (x: Tensor, w: Tensor): Tensor[] => {
        const y = x.mul(2);
        const [early, late] = [y.sin(), wall(y).exp().cos()];
        return [early.matmul(w), late.matmul(w)];
      };
      const { plan } = compile(f).stages(ones([4, 4]), ones([4, 4]));
      return plan.split('\n').filter((line) => line.includes(' = '));
    };
    expect(kernels((y) => y)).toMatchInlineSnapshot(`
      [
        "  tmp2@0: float32[4, 4], tmp3@64: float32[4, 4] = map [4, 4] t0 = mul(in0, 2); sin(t0), cos(exp(t0))",
        "  out0: float32[4, 4] = matmul(tmp2[4, 4], in1[4, 4])",
        "  out1: float32[4, 4] = matmul(tmp3[4, 4], in1[4, 4])",
      ]
    `);
    expect(kernels(barrier)).toMatchInlineSnapshot(`
      [
        "  tmp2@0: float32[4, 4], tmp3@64: float32[4, 4] = map [4, 4] t0 = mul(in0, 2); t0, sin(t0)",
        "  tmp4@0: float32[4, 4] = map [4, 4] cos(exp(tmp2))",
        "  out0: float32[4, 4] = matmul(tmp3[4, 4], in1[4, 4])",
        "  out1: float32[4, 4] = matmul(tmp4[4, 4], in1[4, 4])",
      ]
    `);
  });

  it('lets numbers through', () => {
    const f = (x: Tensor): Tensor => x.add(barrier(ones([3]).mul(2)));
    expect(compile(f)(tensor([1, 2, 3])).toArraySync()).toEqual([3, 4, 5]);
  });
});
