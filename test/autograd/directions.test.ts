import {
  checkpoint,
  customVjp,
  grad,
  hessian,
  hvp,
  jacobian,
  jvp,
  valueAndGrad,
} from '@tessera/autograd';
import { Buffer } from '@tessera/autograd/nn';
import { floats } from '@tessera/autograd/testing';
import { compile, matmul, ones, scalar, softmax, tensor, type Tensor } from '@tessera/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** A map of [3] to [3] in which everything depends on everything. */
const f = (x: Tensor): Tensor => softmax(x.sin(), -1).mul(x.sum()).add(x.square());
const energy = (x: Tensor): Tensor => x.sin().sum().mul(x.square().sum());

function expectClose(found: Tensor, expected: Tensor, tolerance: number): void {
  expect(found.shape).toEqual(expected.shape);
  const wanted = expected.dataSync();
  found.dataSync().forEach((entry, i) => {
    expect(Math.abs(entry - wanted[i])).toBeLessThan(tolerance);
  });
}

describe('jvp', () => {
  it('is the value and J v', () => {
    fc.assert(
      fc.property(floats([3]), floats([3]), (x, v) => {
        const { value, tangent } = jvp(f, [x], [v]);
        expect(value.toArraySync()).toEqual(f(x).toArraySync());
        // Sums of terms of size up to some tens after some ten roundings.
        expectClose(tangent, matmul(jacobian(f)(x), v), 1e-4);
      }),
      { numRuns: 40 },
    );
  });

  it('is the slope of f along v, by central differences', () => {
    fc.assert(
      fc.property(floats([3]), floats([3]), (x, v) => {
        const step = 1e-2;
        const at = (h: number): Tensor => x.add(v.mul(h)).tanh();
        const slope = at(step)
          .sub(at(-step))
          .div(2 * step);
        const { tangent } = jvp((y: Tensor) => y.tanh(), [x], [v]);
        // The third derivative of tanh is at most 2: 2 |v|³ step² / 6, beside roundings over the step.
        const size = Math.max(1, ...v.dataSync().map(Math.abs));
        expectClose(tangent, slope, 1e-4 * size ** 3 + 1e-4);
      }),
      { numRuns: 40 },
    );
  });

  it('is linear in v', () => {
    fc.assert(
      fc.property(floats([3]), floats([3]), floats([3]), (x, v, w) => {
        const along = (u: Tensor): Tensor => jvp(f, [x], [u]).tangent;
        expectClose(along(v.add(w.mul(2))), along(v).add(along(w).mul(2)), 5e-4);
      }),
      { numRuns: 40 },
    );
  });

  it('takes trees, adds up all arguments, and moves what is trained alone', () => {
    const ids = tensor([1, 0], { dtype: 'int32' });
    const model = { w: tensor([2, 3]), fixed: new Buffer(tensor([5, 7])), ids };
    const g = (m: typeof model, x: Tensor): { y: Tensor; ids: Tensor } => ({
      y: m.w.mul(x).add(m.fixed.value),
      ids: m.ids,
    });
    const x = tensor([10, 20]);
    const { value, tangent } = jvp(g, [model, x], [model, ones([2])]);
    expect(value.y.toArraySync()).toEqual([25, 67]);
    expect(tangent.y.toArraySync()).toEqual([2 * 10 + 2, 3 * 20 + 3]);
    expect(tangent.ids.toArraySync()).toEqual([0, 0]);
  });

  it('gives the same inside compile, and nests', () => {
    const along = (x: Tensor, v: Tensor): Tensor => jvp(f, [x], [v]).tangent;
    const [x, v] = [tensor([0.5, -1, 2]), tensor([1, 2, -1])];
    expectClose(compile(along)(x, v), along(x, v), 1e-6);
    const cube = (y: Tensor): Tensor => y.pow(3);
    const slope = (y: Tensor): Tensor => jvp(cube, [y], [scalar(1)]).tangent; // 3 y²
    expect(jvp(slope, [scalar(2)], [scalar(1)]).tangent.itemSync()).toBe(12);
    expect(grad(slope)(scalar(2)).itemSync()).toBe(12);
  });

  it('follows a rule of its own, and a function that is evaluated again', () => {
    const through = customVjp(
      (x: Tensor) => x.mul(0).add(2),
      (ȳ) => [ȳ],
    );
    const again = checkpoint((x: Tensor) => through(x).mul(x));
    // The rule takes the constant 2 for the identity: (2 + x) v.
    expect(jvp(again, [scalar(1.75)], [scalar(2)]).tangent.itemSync()).toBe(7.5);
  });

  it('refuses tangents that are not like the primals', () => {
    expect(() => jvp(f, [ones([3])], [ones([2])])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: jvp: the list of tangents is like the list of primals: tensor 0 of the list of primals is float32[3], of the list of tangents float32[2].]`,
    );
    const none = [] as unknown as [Tensor];
    expect(() => jvp(f, [ones([3])], none)).toThrowErrorMatchingInlineSnapshot(
      `[StateError: jvp: the list of tangents has 0 tensors, but the list of primals has 1. Pass a tree of the structure of the list of primals.]`,
    );
  });
});

describe('hessian', () => {
  it('of a quadratic form is its matrix and its transpose', () => {
    fc.assert(
      fc.property(floats([3, 3]), floats([3]), (a, x) => {
        const form = (y: Tensor): Tensor => y.mul(a.matmul(y)).sum();
        expectClose(hessian(form)(x), a.add(a.transpose()), 1e-5);
      }),
      { numRuns: 40 },
    );
  });

  it('is symmetric, and its rows are those of hvp', () => {
    fc.assert(
      fc.property(floats([3]), floats([3]), (x, v) => {
        const h = hessian(energy)(x);
        expectClose(h, h.transpose(), 5e-5);
        expectClose(h.matmul(v), hvp(energy, x, v), 2e-4);
      }),
      { numRuns: 40 },
    );
  });

  it('is the slope of the gradient, by central differences', () => {
    const [x, step] = [tensor([0.5, -1, 0.25]), 1e-2];
    const h = hessian(energy)(x);
    expect(h.shape).toEqual([3, 3]);
    for (let j = 0; j < 3; j++) {
      const unit = tensor([0, 1, 2].map((i) => (i === j ? step : 0)));
      const slope = grad(energy)(x.add(unit))
        .sub(grad(energy)(x.sub(unit)))
        .div(2 * step);
      expectClose(h.select(1, j), slope, 2e-3);
    }
  });

  it('has the axes of x twice, and the same values inside compile', () => {
    const g = (x: Tensor): Tensor => x.pow(3).sum().mul(x.sum());
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(hessian(g)(x).shape).toEqual([2, 2, 2, 2]);
    expect(compile(hessian(g))(x).toArraySync()).toEqual(hessian(g)(x).toArraySync());
    expect(hessian((y: Tensor) => y.square())(scalar(3)).itemSync()).toBe(2);
  });
});

describe('several argnums', () => {
  const g = (a: Tensor, n: number, b: Tensor): Tensor => a.mul(b).mul(n).sum();
  const [a, b] = [tensor([1, 2]), tensor([3, 4])];

  it('give what each of them gives alone', () => {
    const [toA, toB] = grad(g, [0, 2])(a, 5, b);
    expect(toA.toArraySync()).toEqual(grad(g)(a, 5, b).toArraySync());
    expect(toB.toArraySync()).toEqual(grad(g, 2)(a, 5, b).toArraySync());
    const h = (x: Tensor, n: number, y: Tensor): Tensor => x.mul(y.sum()).mul(n);
    const both = jacobian(h, { argnums: [2, 0] })(a, 5, b);
    const alone = [2, 0].map((argnums) => jacobian(h, { argnums })(a, 5, b));
    expect(both.map((j) => j.toArraySync())).toEqual(alone.map((j) => j.toArraySync()));
  });

  it('evaluate the function once, and give trees', () => {
    let calls = 0;
    const loss = (model: { w: Tensor }, x: Tensor): readonly [Tensor, string] => {
      calls++;
      return [model.w.mul(x).sum(), 'seen'];
    };
    const { value, grads, aux } = valueAndGrad(loss, { argnums: [0, 1], hasAux: true })(
      { w: a },
      b,
    );
    expect([value.itemSync(), aux, calls]).toEqual([11, 'seen', 1]);
    expect(grads[0].w.toArraySync()).toEqual([3, 4]);
    expect(grads[1].toArraySync()).toEqual([1, 2]);
    expect(grad(g, [])(a, 5, b)).toEqual([]);
  });

  it('give the blocks of one Hessian, each the transpose of that across', () => {
    fc.assert(
      fc.property(floats([2]), floats([3]), (x, y) => {
        const k = (p: Tensor, q: Tensor): Tensor => p.sin().sum().mul(q.square().sum());
        const [[xx, xy], [yx, yy]] = hessian(k, { argnums: [0, 1] })(x, y);
        expect([xx.shape, xy.shape, yy.shape]).toEqual([
          [2, 2],
          [2, 3],
          [3, 3],
        ]);
        expectClose(xy, yx.transpose(), 1e-5);
        expectClose(xx, hessian((p: Tensor) => k(p, y))(x), 1e-5);
      }),
      { numRuns: 20 },
    );
  });

  it('refuse a position of no argument, and one that is named twice', () => {
    expect(() => grad(g, [0, 3])(a, 5, b)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: grad: argnum 3 (counted from 0) is none of 3 arguments.]`,
    );
    expect(() => jacobian(g, { argnums: [0, 0] })(a, 5, b)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: jacobian: argnum 0 is named twice.]`,
    );
    expect(() => hessian(g, { argnums: 1 })(a, 5, b)).toThrowErrorMatchingInlineSnapshot(
      `[StateError: jacobian: the argument must be a tensor. Take the parts of a tree one by one.]`,
    );
  });
});
