import { grad, record, stopGradient, valueAndGrad, vjp } from '@tessera/autograd';
import { Buffer, Linear, Module } from '@tessera/autograd/nn';
import { compile, eye, key, ones, scalar, tensor, zeros, type Tensor } from '@tessera/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const at = (f: (x: Tensor) => Tensor, x: number): number => f(scalar(x)).itemSync();

describe('grad', () => {
  it('nests to higher derivatives', () => {
    const cube = (x: Tensor): Tensor => x.mul(x).mul(x);
    expect(at(grad(cube), 2)).toBe(12);
    expect(at(grad(grad(cube)), 2)).toBe(12);
    expect(at(grad(grad(grad(cube))), 2)).toBe(6);
    expect(at(grad(grad(grad(grad(cube)))), 2)).toBe(0);
    expect(at(grad(grad(grad((x: Tensor) => x.pow(3)))), 2)).toBeCloseTo(6, 5);
  });

  it('gives the third derivative of tanh, −2 (1 − t²)(1 − 3t²)', () => {
    fc.assert(
      fc.property(fc.integer({ min: -200, max: 200 }), (hundredths) => {
        const x = hundredths / 100;
        const t = Math.tanh(x);
        const third = at(grad(grad(grad((y: Tensor) => y.tanh()))), x);
        expect(Math.abs(third + 2 * (1 - t * t) * (1 - 3 * t * t))).toBeLessThan(2e-6); // 2 in size, some ten roundings
      }),
    );
  });

  it('does not confuse the perturbations of nested gradients', () => {
    const f = (x: Tensor): Tensor => x.mul(grad((y: Tensor) => x.add(y))(x));
    expect(at(grad(f), 3)).toBe(1);
    const g = (x: Tensor): Tensor => x.mul(grad((y: Tensor) => x.mul(y))(scalar(2)));
    expect(at(grad(g), 3)).toBe(6); // x · x
  });

  it('differentiates with respect to the argument asked for', () => {
    const f = (a: Tensor, b: Tensor): Tensor => a.mul(b.square());
    expect(grad(f)(scalar(3), scalar(5)).itemSync()).toBe(25);
    expect(grad(f, 1)(scalar(3), scalar(5)).itemSync()).toBe(30);
  });

  it('gives zeros for what the loss does not depend on', () => {
    const f = ({ used }: { used: Tensor; unused: Tensor }): Tensor => used.sum();
    const grads = grad(f)({ used: ones([2]), unused: ones([3]) });
    expect(grads.used.toArraySync()).toEqual([1, 1]);
    expect(grads.unused.toArraySync()).toEqual([0, 0, 0]);
    expect(
      at(
        grad((_x: Tensor) => scalar(1)),
        7,
      ),
    ).toBe(0);
    expect(
      at(
        grad((x: Tensor) => x.floor()),
        2.5,
      ),
    ).toBe(0);
  });

  it('gives zeros of their own dtype for integers and for buffers', () => {
    class Scale extends Module {
      readonly factor: Tensor = tensor([2, 3]);
      readonly offset: Buffer = new Buffer(tensor([1, 1]));
      readonly count: Tensor = tensor([4], { dtype: 'int32' });
      readonly name: string = 'scale';
      forward(x: Tensor): Tensor {
        return x.mul(this.factor).add(this.offset.value).mul(this.count);
      }
    }
    const grads = grad((model: Scale) => model.forward(ones([2])).sum())(new Scale());
    expect(grads).toBeInstanceOf(Scale);
    expect(grads.factor.toArraySync()).toEqual([4, 4]);
    expect(grads.offset.value.toArraySync()).toEqual([0, 0]);
    expect(grads.count.dtype).toBe('int32');
    expect(grads.count.toArraySync()).toEqual([0]);
    expect(grads.name).toBe('scale');
  });

  it('follows PyTorch at ties and kinks', () => {
    expect(grad((x: Tensor) => x.max())(tensor([1, 4, 4])).toArraySync()).toEqual([0, 0.5, 0.5]);
    expect(
      at(
        grad((x: Tensor) => x.maximum(1)),
        1,
      ),
    ).toBe(0.5);
    expect(
      at(
        grad((x: Tensor) => x.minimum(1)),
        1,
      ),
    ).toBe(0.5);
    expect(
      at(
        grad((x: Tensor) => x.abs()),
        0,
      ),
    ).toBe(0);
    expect(
      at(
        grad((x: Tensor) => x.relu()),
        0,
      ),
    ).toBe(0);
    expect(
      at(
        grad((x: Tensor) => x.sqrt()),
        0,
      ),
    ).toBe(Infinity);
  });

  it('has no NaN in the derivatives of powers at 0', () => {
    const pow = (a: Tensor, b: Tensor): Tensor => a.pow(b);
    expect(grad(pow)(scalar(0), scalar(0)).itemSync()).toBe(0);
    expect(grad(pow)(scalar(0), scalar(1)).itemSync()).toBe(1);
    expect(grad(pow, 1)(scalar(0), scalar(0)).itemSync()).toBe(0);
    expect(grad(pow, 1)(scalar(0), scalar(2)).itemSync()).toBe(0);
    expect(at(grad(grad((x: Tensor) => x.pow(2))), 0)).toBe(2);
    expect(at(grad(grad((x: Tensor) => x.pow(1))), 0)).toBe(0);
  });

  it('gives the same inside compile', () => {
    const f = (x: Tensor): Tensor => x.tanh().mul(x).sum();
    const x = tensor([0.5, -1.5]);
    const eager = grad(f)(x).toArraySync();
    expect(compile(grad(f))(x).toArraySync()).toEqual(eager);
    expect(grad(compile(f))(x).toArraySync()).toEqual(eager);
  });

  it('refuses a loss that is no scalar, with a hint', () => {
    expect(() => grad((x: Tensor) => x.mul(2))(ones([3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: grad: the loss must be a scalar, but has shape [3]. Reduce it, e.g. with .mean().]`,
    );
    expect(() =>
      grad((x: Tensor) => x.sum().cast('int32'))(ones([3])),
    ).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: grad: the loss must be float32, but is int32: it has no gradient.]`,
    );
  });

  it('refuses a result that is no tensor', () => {
    const pairOf = ((x: Tensor) => [x, x]) as unknown as (x: Tensor) => Tensor;
    expect(() => grad(pairOf)(scalar(1))).toThrowErrorMatchingInlineSnapshot(
      `[StateError: grad: the function must return a tensor, but returned an array. To return more than the loss, use valueAndGrad with hasAux.]`,
    );
    const numberOf = (() => 1) as unknown as (x: Tensor) => Tensor;
    expect(() => grad(numberOf)(scalar(1))).toThrowErrorMatchingInlineSnapshot(
      `[StateError: grad: the function must return a tensor, but returned number. To return more than the loss, use valueAndGrad with hasAux.]`,
    );
    const single = ((x: Tensor) => x) as unknown as (x: Tensor) => readonly [Tensor, number];
    expect(() =>
      valueAndGrad(single, { hasAux: true })(scalar(1)),
    ).toThrowErrorMatchingInlineSnapshot(
      `[StateError: grad: with hasAux the function must return [loss, aux].]`,
    );
  });

  it('refuses an asynchronous function', () => {
    const later = (async (x: Tensor) => Promise.resolve(x)) as unknown as (x: Tensor) => Tensor;
    expect(() => grad(later)(scalar(1))).toThrowErrorMatchingInlineSnapshot(
      `[StateError: grad: the function returned a Promise, but it must be synchronous. Read values with await outside of it.]`,
    );
  });

  it('refuses an argument that is not there', () => {
    const f = (...all: readonly Tensor[]): Tensor => all[0];
    expect(() => grad(f, 1)(scalar(1))).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: grad: argnum 1 (counted from 0) is none of 1 arguments.]`,
    );
  });
});

describe('valueAndGrad', () => {
  it('gives the loss beside the gradient', () => {
    const f = valueAndGrad((w: Tensor, x: Tensor) => x.matmul(w).square().mean());
    const { value, grads } = f(ones([3]), eye(3));
    expect(value.itemSync()).toBe(1);
    expect(grads.toArraySync()).toEqual([2 / 3, 2 / 3, 2 / 3].map(Math.fround));
  });

  it('hands on what else the function returns', () => {
    const f = valueAndGrad(
      (x: Tensor) => [x.square().sum(), { doubled: x.mul(2), note: 'two' }] as const,
      {
        hasAux: true,
      },
    );
    const { value, grads, aux } = f(tensor([1, 2]));
    expect([value.itemSync(), grads.toArraySync()]).toEqual([5, [2, 4]]);
    expect(aux.doubled.toArraySync()).toEqual([2, 4]);
    expect(aux.note).toBe('two');
  });

  it('differentiates a model with respect to itself', () => {
    const model = { layers: [new Linear(2, 1, { key: key(0) })], scale: scalar(3) };
    type Model = typeof model;
    const loss = (m: Model, x: Tensor): Tensor => m.layers[0].forward(x).mul(m.scale).sum();
    const { grads } = valueAndGrad(loss)(model, tensor([[1, 2]]));
    expect(grads.layers[0].weight.toArraySync()).toEqual([[3, 6]]);
    expect(grads.layers[0].bias?.toArraySync()).toEqual([3]);
    expect(grads.layers[0]).toBeInstanceOf(Linear);
  });
});

describe('vjp', () => {
  it('pulls back any number of cotangents', () => {
    const { value, pullback } = vjp((x: Tensor) => x.square(), tensor([1, 2, 3]));
    expect(value.toArraySync()).toEqual([1, 4, 9]);
    expect(pullback(ones([3]))[0].toArraySync()).toEqual([2, 4, 6]);
    expect(pullback(tensor([1, 0, -1]))[0].toArraySync()).toEqual([2, 0, -6]);
  });

  it('takes and gives trees', () => {
    const f = (a: { w: Tensor }, b: Tensor): { sum: Tensor; parts: Tensor[] } => ({
      sum: a.w.add(b),
      parts: [a.w.mul(2), b.mul(3)],
    });
    const { value, pullback } = vjp(f, { w: scalar(1) }, scalar(2));
    const [a, b] = pullback({ ...value, sum: scalar(10), parts: [scalar(1), scalar(1)] });
    expect([a.w.itemSync(), b.itemSync()]).toEqual([12, 13]);
  });

  it('passes a cotangent through a function that returns its argument', () => {
    const [cotangent] = vjp((x: Tensor) => x, ones([2])).pullback(tensor([5, 6]));
    expect(cotangent.toArraySync()).toEqual([5, 6]);
  });

  it('adds up the cotangents of a result that is returned twice', () => {
    const { pullback } = vjp((x: Tensor) => {
      const y = x.mul(2);
      return [y, y];
    }, scalar(1));
    expect(pullback([scalar(1), scalar(10)])[0].itemSync()).toBe(22);
  });

  it('is linear in the cotangent and agrees with the product rule', () => {
    const numbers = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(numbers, numbers, numbers, (x, u, v) => {
        const { pullback } = vjp((y: Tensor) => y.mul(y.flip()), tensor(x));
        const pull = (c: number[]): number[] =>
          [...pullback(tensor(c))[0].dataSync()].map((e) => e + 0); // no −0
        const [ofU, ofV] = [pull(u), pull(v)];
        expect(ofU).toEqual(x.map((_, i) => (u[i] + u[2 - i]) * x[2 - i] + 0));
        expect(pull(u.map((e, i) => e + v[i]))).toEqual(ofU.map((e, i) => e + ofV[i] + 0));
      }),
    );
  });

  it('refuses a cotangent that does not fit', () => {
    const { pullback } = vjp((x: Tensor) => x.square(), ones([3]));
    expect(() => pullback(ones([2]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: vjp: a cotangent is like its value: value 0 is float32[3], the cotangent is float32[2].]`,
    );
    const two = vjp((x: Tensor) => [x, x], ones([3]));
    expect(() => two.pullback([ones([3])])).toThrowErrorMatchingInlineSnapshot(
      `[StateError: vjp: the cotangent has 1 tensors, but the value has 2. Pass a tree of the structure of the value.]`,
    );
  });
});

describe('stopGradient', () => {
  it('makes its argument a constant', () => {
    expect(
      at(
        grad((x: Tensor) => x.mul(stopGradient(x))),
        3,
      ),
    ).toBe(3);
    expect(at((x) => stopGradient(x), 3)).toBe(3);
  });

  it('holds for all enclosing gradients', () => {
    const f = (x: Tensor): Tensor => grad((y: Tensor) => y.mul(stopGradient(x.mul(y))))(x);
    expect(at(f, 3)).toBe(9);
    expect(at(grad(f), 3)).toBe(0);
  });

  it('takes trees', () => {
    const f = (x: Tensor): Tensor => {
      const { a } = stopGradient({ a: x.mul(2) });
      return a.mul(x);
    };
    expect(at(grad(f), 3)).toBe(6);
  });

  it('leaves no node in the graph', () => {
    const { graph } = record((x: Tensor) => stopGradient(x).sin().sum(), zeros([2]));
    expect(graph.nodes).toEqual([]);
  });
});
