import {
  customVjp,
  formatGraph,
  grad,
  gradcheck,
  record,
  stopGradient,
  vjp,
  type CustomRule,
} from '@tessera/autograd';
import { Buffer } from '@tessera/autograd/nn';
import { formatSpec, compile, ones, scalar, tensor, type Tensor } from '@tessera/tensor';
import { describe, expect, it } from 'vitest';

const at = (f: (x: Tensor) => Tensor, x: number): number => f(scalar(x)).itemSync();

/** ln(1 + eˣ), whose own operations give ∞/∞ where x is large. */
const softplus = customVjp(
  (x: Tensor) => x.exp().add(1).log(),
  (cotangent, { primals: [x] }) => [cotangent.mul(x.sigmoid())],
  { name: 'softplus', formula: 'x̄ = ȳ·σ(x)' },
);

/** eˣ, whose rule uses its value. */
const exp = customVjp(
  (x: Tensor) => x.exp(),
  (cotangent, { value }) => [cotangent.mul(value)],
);

describe('customVjp', () => {
  it('has the values of the function and the gradient of the rule', () => {
    expect(at(softplus, 0)).toBeCloseTo(Math.LN2, 6);
    expect(at(grad(softplus), 100)).toBe(1);
    expect(
      at(
        grad((x: Tensor) => x.exp().add(1).log()),
        100,
      ),
    ).toBeNaN();
    const roundThrough = customVjp(
      (x: Tensor) => x.add(0.5).floor(),
      (cotangent) => [cotangent],
    );
    expect(at(roundThrough, 2.7)).toBe(3);
    expect(
      at(
        grad((x) => roundThrough(x).square()),
        2.7,
      ),
    ).toBe(6);
  });

  it('stands in the graph as one node with its name and formula', () => {
    const { graph } = record((x: Tensor) => softplus(x.mul(2)).sum(), ones([3]));
    expect(formatGraph(graph)).toMatchInlineSnapshot(`
      "graph(in0: float32[3])
        v0: float32[3] = mul(in0, 2)           y = a·b ⇒ ā = ȳ·b
        v1: float32[3] = softplus(v0)          y = softplus(x) ⇒ x̄ = ȳ·σ(x)
        v2: float32[] = sum(v1) { axes: [0] }  y = Σᵢ xᵢ ⇒ x̄ᵢ = ȳ"
    `);
    function cube(x: Tensor): Tensor {
      return x.mul(x).mul(x);
    }
    const named = customVjp(cube, (cotangent, { primals: [x] }) => [
      cotangent.mul(x.square()).mul(3),
    ]);
    expect(formatGraph(record(named, scalar(2)).graph)).toMatchInlineSnapshot(`
      "graph(in0: float32[])
        v0: float32[] = cube(in0)  y = cube(x) ⇒ x̄ by its own rule"
    `);
    expect(formatGraph(record(exp, scalar(2)).graph)).toContain('= customVjp(in0)');
  });

  it('is differentiated to every order by its rule', async () => {
    await gradcheck(softplus, [tensor([-1, 0.3, 1.2])], { order: 2 });
    await gradcheck((x: Tensor) => exp(x.sin()), [tensor([-1, 0.3, 1.2])], { order: 2 });
    const fourth = grad(grad(grad(grad(exp))));
    expect(at(fourth, 1)).toBeCloseTo(Math.E, 5);
    // σ'' = σ (1 − σ)(1 − 2σ)
    const s = 1 / (1 + Math.exp(-0.7));
    expect(at(grad(grad(grad(softplus))), 0.7)).toBeCloseTo(s * (1 - s) * (1 - 2 * s), 6);
  });

  it('does not confuse the perturbations of nested gradients', () => {
    const twice = customVjp(
      (y: Tensor) => y.mul(2),
      (cotangent) => [cotangent.mul(2)],
    );
    const f = (x: Tensor): Tensor => x.mul(grad((y: Tensor) => twice(x.add(y)))(x));
    expect(at(f, 3)).toBe(6);
    expect(at(grad(f), 3)).toBe(2);
    const g = (x: Tensor): Tensor => grad((y: Tensor) => exp(x.mul(y)))(scalar(1)); // x eˣ
    expect(at(g, 2)).toBeCloseTo(2 * Math.exp(2), 5);
    expect(at(grad(g), 2)).toBeCloseTo(3 * Math.exp(2), 4);
  });

  it('may take a gradient inside', () => {
    const slope = customVjp(
      (x: Tensor) => grad((y: Tensor) => y.mul(y).mul(y))(x),
      (cotangent, { primals: [x] }) => [cotangent.mul(x).mul(6)],
    );
    expect(at(slope, 2)).toBe(12);
    expect(at(grad(slope), 2)).toBe(12);
  });

  it('takes and gives trees; what gets null or is not trained gets zeros', () => {
    interface Affine {
      readonly w: Tensor;
      readonly shift: Buffer;
      readonly ids: Tensor;
    }
    const apply = customVjp(
      ({ w, shift, ids }: Affine, x: Tensor, scale: number) => ({
        y: w.mul(x).mul(scale).add(shift.value),
        count: ids.sum(),
      }),
      (cotangent, { primals: [affine, x, scale], value }) => {
        expect(value.count.dtype).toBe('int32');
        expect(formatSpec(cotangent.count)).toBe('int32[]');
        return [{ ...affine, w: cotangent.y.mul(x).mul(scale).mul(100) }, null, scale];
      },
      { name: 'affine' },
    );
    const affine = {
      w: tensor([1, 2]),
      shift: new Buffer(ones([2])),
      ids: tensor([3, 4], { dtype: 'int32' }),
    };
    const loss = (a: Affine, x: Tensor): Tensor => apply(a, x, 3).y.sum();
    const grads = grad(loss)(affine, tensor([5, 6]));
    expect(grads.w.toArraySync()).toEqual([1500, 1800]);
    expect(grads.shift.value.toArraySync()).toEqual([0, 0]);
    expect(grads.ids.toArraySync()).toEqual([0, 0]);
    expect(grad(loss, 1)(affine, tensor([5, 6])).toArraySync()).toEqual([0, 0]);
  });

  it('adds up over arguments and results that appear twice', () => {
    const pair = customVjp(
      (a: Tensor, b: Tensor) => {
        const product = a.mul(b);
        return [product, product];
      },
      ([first, second], { primals: [a, b] }) => {
        const both = first.add(second);
        return [both.mul(b), both.mul(a)];
      },
    );
    const { pullback } = vjp((x: Tensor) => pair(x, x), scalar(3));
    expect(pullback([scalar(1), scalar(10)])[0].itemSync()).toBe(66);
  });

  it('passes a cotangent through a function that returns its argument', () => {
    const same = customVjp(
      (x: Tensor) => x,
      (cotangent) => [cotangent.mul(-1)], // gradient reversal
    );
    expect(
      at(
        grad((x) => same(x).square()),
        3,
      ),
    ).toBe(-6);
    expect(
      at(
        grad((x) => same(x).add(x)),
        3,
      ),
    ).toBe(0);
  });

  it('leaves no node where no gradient is asked for', () => {
    const c = ones([2]);
    const { graph } = record((x: Tensor) => x.add(exp(c)), ones([2]));
    expect(graph.nodes.map(({ name }) => name)).toEqual(['add']);
    const counted = customVjp(
      (x: Tensor) => x.greater(0),
      () => [null],
    );
    expect(record((x: Tensor) => counted(x), ones([2])).graph.nodes).toEqual([]);
  });

  it('gives the same inside compile, inside and outside of the gradient', () => {
    const f = (x: Tensor): Tensor => softplus(x.mul(x)).add(exp(x)).sum();
    const x = tensor([0.5, -1.5]);
    expect(compile(f)(x).itemSync()).toBe(f(x).itemSync());
    const eager = grad(f)(x).toArraySync();
    expect(compile(grad(f))(x).toArraySync()).toEqual(eager);
    expect(grad(compile(f))(x).toArraySync()).toEqual(eager);
    const second = grad((y: Tensor) => grad(f)(y).sum());
    expect(compile(second)(x).toArraySync()).toEqual(second(x).toArraySync());
  });

  it('refuses to lose a gradient that flows into the function from around it', () => {
    const f = (w: Tensor, x: Tensor): Tensor => {
      const scale = customVjp(
        (y: Tensor) => y.mul(w),
        (cotangent) => [cotangent],
        { name: 'scale' },
      );
      return scale(x).sum();
    };
    expect(() => grad(f)(ones([2]), ones([2]))).toThrowErrorMatchingInlineSnapshot(
      `[StateError: scale: the function reads float32[2], which a gradient follows, from outside, and its rule has no place for the cotangent. Make it an argument, or read stopGradient(…) of it.]`,
    );
    // To the gradient with respect to x, w is a constant like any other.
    expect(grad(f, 1)(ones([2]), ones([2])).toArraySync()).toEqual([1, 1]);
    const stopped = (w: Tensor): Tensor =>
      customVjp(
        (y: Tensor) => y.mul(stopGradient(w)),
        (cotangent) => [cotangent],
      )(w).sum();
    expect(grad(stopped)(tensor([2, 3])).toArraySync()).toEqual([1, 1]);
  });

  it('refuses a rule that gives too little, too much or other shapes', () => {
    const withRule = (given: readonly unknown[] | Tensor): (() => Tensor) => {
      const rule = (() => given) as unknown as CustomRule<[Tensor, { a: Tensor }], Tensor>;
      const f = (x: Tensor, y: { a: Tensor }): Tensor => x.add(y.a);
      const custom = customVjp(f, rule, { name: 'plus' });
      return () => grad((x: Tensor) => custom(x, { a: x }).sum())(ones([2]));
    };
    expect(withRule([ones([2])])).toThrowErrorMatchingInlineSnapshot(
      `[StateError: plus: the rule must return an array of 2 cotangents, one for each argument, but returned 1. Put null where no gradient flows.]`,
    );
    expect(withRule([null, null, null])).toThrowErrorMatchingInlineSnapshot(
      `[StateError: plus: the rule must return an array of 2 cotangents, one for each argument, but returned 3. Put null where no gradient flows.]`,
    );
    expect(withRule(ones([2]))).toThrowErrorMatchingInlineSnapshot(
      `[StateError: plus: the rule must return an array of 2 cotangents, one for each argument, but returned no array. Put null where no gradient flows.]`,
    );
    expect(withRule([ones([2]), { a: ones([3]) }])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: plus: a cotangent must have the shape and dtype of its argument: argument 1 is float32[2], the rule gives float32[3].]`,
    );
    expect(withRule([ones([2]).cast('int32'), null])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: plus: a cotangent must have the shape and dtype of its argument: argument 0 is float32[2], the rule gives int32[2].]`,
    );
    expect(withRule([ones([2]), {}])).toThrowErrorMatchingInlineSnapshot(
      `[StateError: plus: the cotangent of argument 1 has 0 tensors, the argument has 1. Return a tree of its structure.]`,
    );
    expect(withRule([ones([2]), null])().toArraySync()).toEqual([1, 1]);
  });

  it('refuses an asynchronous function', () => {
    const later = (async (x: Tensor) => Promise.resolve(x)) as unknown as (x: Tensor) => Tensor;
    const custom = customVjp(later, (cotangent) => [cotangent], { name: 'later' });
    expect(() => grad(custom)(scalar(1))).toThrowErrorMatchingInlineSnapshot(
      `[StateError: later: the function returned a Promise, but it must be synchronous. Read values with await outside of it.]`,
    );
  });
});
