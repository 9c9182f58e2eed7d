import { grad, hvp, jacobian } from '@tessera/autograd';
import { Buffer, Module } from '@tessera/autograd/nn';
import { floats, shapes } from '@tessera/autograd/testing';
import { compile, matmul, ones, scalar, tensor, zeros, type Tensor } from '@tessera/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('jacobian', () => {
  it('holds ∂f[i] / ∂x[j]', () => {
    const a = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(jacobian((x) => a.matmul(x))(ones([3])).toArraySync()).toEqual(a.toArraySync());
    expect(jacobian((x) => x.square())(tensor([1, 2])).toArraySync()).toEqual([
      [2, 0],
      [0, 4],
    ]);
  });

  it('has the axes of the value, then those of the argument', () => {
    const of = (f: (x: Tensor) => Tensor, ...shape: number[]) => jacobian(f)(ones(shape)).shape;
    expect(of((x) => x.sum(1), 2, 3)).toEqual([2, 2, 3]);
    expect(of((x) => x.sum(), 2, 3)).toEqual([2, 3]);
    expect(of((x) => x.unsqueeze(0).expand([4, 2]), 2)).toEqual([4, 2, 2]);
    expect(of((x) => x.mul(2))).toEqual([]);
    expect(of((x) => x.slice([[0, 0]]), 3)).toEqual([0, 3]);
    expect(of((x) => x.sum(0), 0, 2)).toEqual([2, 0, 2]);
    expect(of(() => zeros([2]), 3)).toEqual([2, 3]);
  });

  it('nests: the third derivatives of Σ x³/6 are 1 on the diagonal', () => {
    const f = (x: Tensor): Tensor => x.mul(x).mul(x).sum().div(6);
    const third = jacobian(jacobian(jacobian(f)))(tensor([1, 2]));
    expect(third.shape).toEqual([2, 2, 2]);
    expect(third.toArraySync()).toEqual([
      [
        [1, 0],
        [0, 0],
      ],
      [
        [0, 0],
        [0, 1],
      ],
    ]);
  });

  it('has the gradient of a scalar function as its only row', () => {
    fc.assert(
      fc.property(shapes().chain(floats), (x) => {
        const f = (y: Tensor): Tensor => y.tanh().mul(y).sum();
        expect(jacobian(f)(x).toArraySync()).toEqual(grad(f)(x).toArraySync());
      }),
    );
  });

  it('obeys the chain rule', () => {
    fc.assert(
      fc.property(floats([3]), (x) => {
        const f = (y: Tensor): Tensor => y.sin().mul(y.sum());
        const g = (y: Tensor): Tensor => y.slice([[0, 2]]).mul(y.slice([[1, 3]])); // [2]
        const chained = jacobian((y) => g(f(y)))(x).dataSync();
        const product = matmul(jacobian(g)(f(x)), jacobian(f)(x)).dataSync();
        // Entries of size up to 4 · 6 after some ten roundings.
        product.forEach((entry, i) => expect(Math.abs(entry - chained[i])).toBeLessThan(2e-5));
      }),
    );
  });

  it('gives the same inside compile', () => {
    const f = jacobian((x) => x.tanh().mul(x.sum()));
    const x = tensor([0.5, -1, 2]);
    expect(compile(f)(x).toArraySync()).toEqual(f(x).toArraySync());
  });

  it('refuses what has no gradient', () => {
    const ids = tensor([1, 2], { dtype: 'int32' });
    expect(() => jacobian((x) => x)(ids)).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: jacobian: the argument must be float32, but is int32: it has no gradient.]`,
    );
    expect(() => jacobian((x) => x.greater(0))(ones([2]))).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: jacobian: the value must be float32, but is bool: it has no gradient.]`,
    );
    const pair = ((x: Tensor) => [x, x]) as unknown as (x: Tensor) => Tensor;
    expect(() => jacobian(pair)(ones([2]))).toThrowErrorMatchingInlineSnapshot(
      `[StateError: jacobian: the value must be a tensor. Take the parts of a tree one by one.]`,
    );
  });
});

describe('hvp', () => {
  it('is the Hessian times v', () => {
    fc.assert(
      fc.property(floats([3]), floats([3]), (x, v) => {
        const f = (y: Tensor): Tensor => y.sin().sum().mul(y.square().sum());
        const product = hvp(f, x, v).dataSync();
        const whole = matmul(jacobian(grad(f))(x), v).dataSync();
        // Sums of terms of size up to 12 · 2 after some ten roundings.
        whole.forEach((entry, i) => expect(Math.abs(entry - product[i])).toBeLessThan(5e-5));
      }),
    );
  });

  it('takes and gives trees, with zeros where nothing is trained', () => {
    class Model extends Module {
      readonly a: Tensor = tensor([1, 2]);
      readonly offset: Buffer = new Buffer(tensor([5, 5]));
      readonly ids: Tensor = tensor([1, 0], { dtype: 'int32' });
    }
    const f = ({ a, offset, ids }: Model): Tensor => a.pow(3).mul(offset.value).mul(ids).sum();
    const product = hvp(f, new Model(), new Model());
    expect(product).toBeInstanceOf(Model);
    expect(product.a.toArraySync()).toEqual([30, 0]); // 6 a · 5 · ids · v
    expect(product.offset.value.toArraySync()).toEqual([0, 0]);
    expect(product.ids.toArraySync()).toEqual([0, 0]);
  });

  it('is linear in x for a quadratic form, and nests', () => {
    const quartic = (x: Tensor): Tensor => x.square().square();
    const along = (x: Tensor): Tensor => hvp(quartic, x, scalar(1)); // 12 x²
    expect(grad(along)(scalar(2)).itemSync()).toBe(48);
    expect(compile(along)(scalar(2)).itemSync()).toBe(48);
  });

  it('is zero for a function of no floats', () => {
    const ids = tensor([1, 2], { dtype: 'int32' });
    expect(hvp(() => scalar(1), ids, ids).toArraySync()).toEqual([0, 0]);
  });

  it('refuses a v that is not like x', () => {
    const f = (x: { a: Tensor }): Tensor => x.a.square().sum();
    const v = { a: ones([1]) };
    expect(() => hvp(f, { a: ones([2]) }, v)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: hvp: v is like x: tensor 0 of x is float32[2], of v float32[1].]`,
    );
    const none = {} as unknown as { a: Tensor };
    expect(() => hvp(f, { a: ones([2]) }, none)).toThrowErrorMatchingInlineSnapshot(
      `[StateError: hvp: v has 0 tensors, but x has 1. Pass a tree of the structure of x.]`,
    );
  });
});
