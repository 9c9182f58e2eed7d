import { customVjp, grad, hvp, vjp } from '@tessera/autograd';
import { scalar, StateError, type Tensor } from '@tessera/tensor';
import { describe, expect, it } from 'vitest';

interface Pair {
  readonly a: Tensor;
  readonly b: Tensor;
}

describe('trees are paired by path, not by the order of their keys', () => {
  const at: Pair = { a: scalar(2), b: scalar(3) };

  it('in the cotangent of a pullback', () => {
    const { pullback } = vjp((x: Tensor) => ({ a: x.mul(2), b: x.mul(3) }), scalar(1));
    const [cotangent] = pullback({ b: scalar(1), a: scalar(10) });
    expect(cotangent.itemSync()).toBe(23);
  });

  it('in what a custom rule returns', () => {
    const f = customVjp(
      (p: Pair) => p.a.mul(2).add(p.b.mul(3)),
      (ȳ) => [{ b: ȳ.mul(3), a: ȳ.mul(2) }],
    );
    const { a, b } = grad(f)(at);
    expect([a.itemSync(), b.itemSync()]).toEqual([2, 3]);
  });

  it('in the direction of a Hessian-vector product', () => {
    const f = (p: Pair): Tensor => p.a.square().mul(p.b);
    const { a, b } = hvp(f, at, { b: scalar(1), a: scalar(10) });
    // H = [[2b, 2a], [2a, 0]] = [[6, 4], [4, 0]]
    expect([a.itemSync(), b.itemSync()]).toEqual([64, 40]);
  });

  it('and a path that only one tree has is named', () => {
    const wrong = { a: scalar(1), c: scalar(1) } as unknown as Pair;
    expect(() => hvp((p: Pair) => p.a.mul(p.b), at, wrong)).toThrow(StateError);
    expect(() => hvp((p: Pair) => p.a.mul(p.b), at, wrong)).toThrowErrorMatchingInlineSnapshot(
      `[StateError: hvp: the trees differ: only one of them has a tensor at 'b'.]`,
    );
  });
});
