/** Gradients at the points that differences cannot check: bounds, ties, zeros, infinities. */
import { grad, vjp } from '@tessera/autograd';
import {
  attention,
  clamp,
  cumsum,
  expm1,
  log1p,
  maxPool2d,
  ones,
  prod,
  softplus,
  tensor,
  upsampleNearest2d,
  where,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { describe, expect, it } from 'vitest';

const gradient = (f: (x: Tensor) => Tensor, x: Tensor): Tensor =>
  grad((y: Tensor) => f(y).sum())(x);

describe('clamp', () => {
  it('passes the gradient at its bounds', () => {
    const x = tensor([-2, -1, 0, 1, 2]);
    expect(gradient((y) => clamp(y, -1, 1), x).toArraySync()).toEqual([0, 1, 1, 1, 0]);
  });
});

describe('prod', () => {
  it('gives each zero the product of the others', () => {
    const x = tensor([[2, 0, 3], [0, 5, 0], [1, 2, 4]]); // prettier-ignore
    expect(gradient((y) => prod(y, 1), x).toArraySync()).toEqual([[0, 6, 0], [0, 0, 0], [8, 4, 2]]); // prettier-ignore
    expect(gradient((y) => prod(y), tensor([0, 3])).toArraySync()).toEqual([3, 0]);
  });

  it('has the second derivative of two zeros', () => {
    const first = (y: Tensor): Tensor => gradient(prod, y);
    const [hessianRow] = vjp(first, tensor([0, 0, 3, 4])).pullback(tensor([1, 0, 0, 0]));
    expect(hessianRow.toArraySync()).toEqual([0, 12, 0, 0]);
  });

  it('does not mind infinities elsewhere', () => {
    expect(gradient((y) => prod(y, 1), tensor([[1, 2], [Infinity, 3]])).toArraySync()).toEqual([[2, 1], [3, Infinity]]); // prettier-ignore
  });
});

describe('maxPool2d', () => {
  it('gives the gradient to the first of equal elements', () => {
    expect(gradient((y) => maxPool2d(y, 2), ones([2, 4])).toArraySync()).toEqual([[1, 0, 1, 0], [0, 0, 0, 0]]); // prettier-ignore
    const rows = tensor([[1, 5, 5], [7, 2, 1], [0, 7, 7]]); // prettier-ignore
    expect(gradient((y) => maxPool2d(y, 3), rows).toArraySync()).toEqual([[0, 0, 0], [1, 0, 0], [0, 0, 0]]); // prettier-ignore
  });

  it('adds up over windows that overlap', () => {
    const x = tensor([[0, 9, 0]]);
    expect(gradient((y) => maxPool2d(y, [1, 2], { stride: 1 }), x).toArraySync()).toEqual([
      [0, 2, 0],
    ]);
  });
});

describe('cumsum', () => {
  it('gives element i the number of sums that contain it', () => {
    expect(gradient((y) => cumsum(y, 0), zeros([5])).toArraySync()).toEqual([5, 4, 3, 2, 1]);
  });
});

describe('expm1, log1p and softplus', () => {
  it('have exact gradients where the value is tiny or the exponential overflows', () => {
    const x = tensor([0, 1e-20, -1e-20, -30, 88, 100]);
    const exp = [...x.dataSync()].map((value) => Math.fround(Math.exp(value)));
    expect(gradient(expm1, x).toArraySync()).toEqual(
      exp.map((value) => expect.closeTo(value, 5) as number),
    );
    expect(gradient(log1p, tensor([0, 1e-20, Infinity, -1])).toArraySync()).toEqual([
      1,
      1,
      0,
      Infinity,
    ]);
    expect(gradient(softplus, tensor([0, 200, -200])).toArraySync()).toEqual([0.5, 1, 0]);
    const [tiny] = gradient(softplus, tensor([-30])).toArraySync() as number[];
    expect(Math.abs(tiny / Math.exp(-30) - 1)).toBeLessThan(1e-6); // a few roundings, nothing cancelled
  });
});

describe('attention', () => {
  it('passes no gradient, and no NaN, where a query sees nothing', () => {
    const x = tensor([[1, 2], [3, 4], [5, 6]]); // prettier-ignore
    const visible = tensor([[true, true, false], [false, false, false], [false, true, true]]); // prettier-ignore
    for (const mask of [visible, where(visible, 0, -Infinity)]) {
      const toQueries = gradient(
        (q) => attention(q, x, x, { mask }).square(),
        x,
      ).toArraySync() as number[][];
      expect(toQueries[1]).toEqual([0, 0]);
      expect(toQueries.flat().every(Number.isFinite)).toBe(true);
    }
    const toValues = gradient((v) => attention(x, x, v, { mask: visible }).slice([[1, 2]]), x);
    expect([...toValues.dataSync()]).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe('nothing at all', () => {
  it('has gradients of its own shape', () => {
    expect(gradient((y) => prod(y, 1), zeros([2, 0])).shape).toEqual([2, 0]);
    expect(gradient((y) => cumsum(y, 1), zeros([2, 0])).shape).toEqual([2, 0]);
    expect(gradient((y) => maxPool2d(y, 2), zeros([0, 2, 2])).shape).toEqual([0, 2, 2]);
    expect(gradient((y) => upsampleNearest2d(y, 2), zeros([0, 2, 2])).shape).toEqual([0, 2, 2]);
  });
});
