import { checkpoint, customVjp, explain, grad } from '@tessera/autograd';
import { Linear } from '@tessera/autograd/nn';
import {
  compile,
  key,
  ones,
  scalar,
  softmax,
  split,
  tensor,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { describe, expect, it } from 'vitest';

describe('explain', () => {
  it('writes out the chain rule from the loss to the first parameter', async () => {
    const loss = (w: Tensor, x: Tensor): Tensor => x.matmul(w).square().sum();
    expect(await explain(loss, [ones([2, 1]), ones([3, 2])])).toMatchInlineSnapshot(`
      "from the loss v2 back to in0, input 0: 3 operations
        ‖ȳ‖    y                                         pulls back
        1      v2: float32[] = sum(v1) { axes: [0, 1] }  v1: x̄ᵢ = ȳ
        1.732  v1: float32[3, 1] = mul(v0, v0)           v0: ā = ȳ·b; v0: b̄ = ȳ·a
        6.928  v0: float32[3, 1] = matmul(in1, in0)      in0: b̄ = aᵀ ȳ
        16.97  in0: float32[2, 1]"
    `);
  });

  it('shows every way to a parameter, and none to another', async () => {
    const f = (x: Tensor, c: Tensor): Tensor => {
      const shared = x.mul(3);
      const skipped = c.sin();
      return shared.exp().mul(skipped).add(shared).sum().add(c.sum());
    };
    expect(await explain(f, [zeros([2]), ones([2])])).toMatchInlineSnapshot(`
      "from the loss v7 back to in0, input 0: 6 operations
        ‖ȳ‖    y                                      pulls back
        1      v7: float32[] = add(v5, v6)            v5: ā = ȳ
        1      v5: float32[] = sum(v4) { axes: [0] }  v4: x̄ᵢ = ȳ
        1.414  v4: float32[2] = add(v3, v0)           v3: ā = ȳ; v0: b̄ = ȳ
        1.414  v3: float32[2] = mul(v2, v1)           v2: ā = ȳ·b
        1.19   v2: float32[2] = exp(v0)               v0: x̄ = ȳ·y
        2.604  v0: float32[2] = mul(in0, 3)           in0: ā = ȳ·b
        7.813  in0: float32[2]"
    `);
    expect(await explain(f, [zeros([2]), ones([2])], { path: '1' })).toMatchInlineSnapshot(`
      "from the loss v7 back to in1, input 1: 6 operations
        ‖ȳ‖    y                                       pulls back
        1      v7: float32[] = add(v5, v6)             v5: ā = ȳ; v6: b̄ = ȳ
        1      v6: float32[] = sum(in1) { axes: [0] }  in1: x̄ᵢ = ȳ
        1      v5: float32[] = sum(v4) { axes: [0] }   v4: x̄ᵢ = ȳ
        1.414  v4: float32[2] = add(v3, v0)            v3: ā = ȳ
        1.414  v3: float32[2] = mul(v2, v1)            v1: b̄ = ȳ·a
        1.414  v1: float32[2] = sin(in1)               in1: x̄ = ȳ·cos x
        2.178  in1: float32[2]"
    `);
  });

  it('names a parameter by its path in the inputs', async () => {
    const [first, second] = split(key(0));
    const model = {
      layers: [new Linear(2, 3, { key: first }), new Linear(3, 2, { key: second })],
    };
    const loss = ({ layers }: typeof model, x: Tensor): Tensor =>
      softmax(layers[1].forward(layers[0].forward(x).relu()))
        .log()
        .mean();
    const text = await explain(loss, [model, tensor([[1, 2]])], { path: '0.layers.0.bias' });
    expect(text).toMatchInlineSnapshot(`
      "from the loss v12 back to layers.0.bias, input 0.layers.0.bias: 9 operations
        ‖ȳ‖     y                                                            pulls back
        1       v12: float32[] = div(v11, 2)                                 v11: ā = ȳ/b
        0.5     v11: float32[] = sum(v10) { axes: [0, 1] }                   v10: x̄ᵢ = ȳ
        0.7071  v10: float32[1, 2] = log(v9)                                 v9: x̄ = ȳ/x
        1.796   v9: float32[1, 2] = softmax(v8) { axis: 1 }                  v8: x̄ = y·(ȳ − Σ y·ȳ)
        0.2776  v8: float32[1, 2] = add(v6, v7)                              v6: ā = ȳ
        0.2776  v6: float32[1, 2] = matmul(v4, v5)                           v4: ā = ȳ bᵀ
        0.1768  v4: float32[1, 3] = where(bool[1, 3], 0, v3)                 v3: b̄ = c ? 0 : ȳ
        0.1684  v3: float32[1, 3] = add(v1, v2)                              v2: b̄ = ȳ
        0.1684  v2: float32[1, 3] = expand(layers.0.bias) { shape: [1, 3] }  layers.0.bias: x̄[j] = Σᵢ ȳ[i, j]
        0.1684  layers.0.bias: float32[3]"
    `);
  });

  it('agrees with the gradient and stops at a vanishing one', async () => {
    const f = (x: Tensor): Tensor => x.mul(x).relu().sum();
    const x = tensor([3, -4]);
    const norm = Math.hypot(...grad(f)(x).dataSync());
    expect(await explain(f, [x])).toMatch(new RegExp(`${norm} +in0: float32\\[2\\]$`));
    const dead = (y: Tensor): Tensor => y.mul(y).neg().relu().sum();
    expect(await explain(dead, [x])).toMatchInlineSnapshot(`
      "from the loss v3 back to in0, input 0: 4 operations
        ‖ȳ‖    y                                       pulls back
        1      v3: float32[] = sum(v2) { axes: [0] }   v2: x̄ᵢ = ȳ
        1.414  v2: float32[2] = where(bool[2], 0, v1)  v1: b̄ = c ? 0 : ȳ
        0      v1: float32[2] = neg(v0)                v0: x̄ = −ȳ
        0      v0: float32[2] = mul(in0, in0)          in0: ā = ȳ·b; in0: b̄ = ȳ·a
        0      in0: float32[2]"
    `);
  });

  it('shows functions with their own rule, checkpoints and their several results', async () => {
    const pair = customVjp(
      (x: Tensor) => [x.sin(), x.cos()],
      ([ȳ, z̄], { value: [sin, cos] }) => [ȳ.mul(cos).sub(z̄.mul(sin))],
      { name: 'sincos', formula: 'x̄ = ȳ·cos x − z̄·sin x' },
    );
    const square = checkpoint((x: Tensor) => x.square());
    const f = (x: Tensor): Tensor => {
      const [sin, cos] = pair(square(x));
      return sin.mul(2).add(cos);
    };
    expect(await explain(f, [scalar(0.5)])).toMatchInlineSnapshot(`
      "from the loss v4 back to in0, input 0: 4 operations
        ‖ȳ‖   y                                          pulls back
        1     v4: float32[] = add(v3, v2)                v3: ā = ȳ; v2: b̄ = ȳ
        1     v3: float32[] = mul(v1, 2)                 v1: ā = ȳ·b
        2, 1  v1: float32[], v2: float32[] = sincos(v0)  v0: x̄ = ȳ·cos x − z̄·sin x
        1.69  v0: float32[] = checkpoint(f)(in0)         in0: x̄ = ȳᵀ ∂f/∂x, with f evaluated again
        1.69  in0: float32[]"
    `);
  });

  it('says so where there is nothing to explain', async () => {
    expect(await explain((x: Tensor) => x, [scalar(1)])).toMatchInlineSnapshot(`
      "from the loss in0 back to in0, input 0: 0 operations
        ‖ȳ‖  y               pulls back
        1    in0: float32[]"
    `);
    const independent = (_x: Tensor, y: Tensor): Tensor => y.sum();
    expect(await explain(independent, [ones([2]), ones([2])])).toMatchInlineSnapshot(
      `"the loss does not depend on in0, input 0"`,
    );
    expect(await explain((_x: Tensor) => scalar(1), [ones([2])])).toMatchInlineSnapshot(
      `"the loss does not depend on in0, input 0"`,
    );
  });

  it('explains a compiled function by the function', async () => {
    const f = (x: Tensor): Tensor => x.exp().sum();
    expect(await explain(compile(f), [ones([2])])).toBe(await explain(f, [ones([2])]));
  });

  it('refuses what is no loss, and parameters that are not there', async () => {
    await expect(explain((x) => x, [ones([2])])).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: explain: the loss must be a scalar, but has shape [2]. Reduce it, e.g. with .mean().]`,
    );
    const f = ({ a }: { a: Tensor; ids: Tensor }): Tensor => a.sum();
    const ids = tensor([1], { dtype: 'int32' });
    await expect(
      explain(f, [{ a: ones([2]), ids }], { path: '0.ids' }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ValueError: explain: no trained parameter at 0.ids. The trained parameters are 0.a.]`,
    );
    await expect(
      explain((_x: Tensor) => scalar(1), [ids]),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ValueError: explain: no trained parameter at any path. No input is trained.]`,
    );
  });
});
