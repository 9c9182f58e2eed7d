import {
  checkpoint,
  customVjp,
  formatGraph,
  grad,
  gradcheck,
  hvp,
  record,
  stopGradient,
  valueAndGrad,
  vjp,
} from '@tessera/autograd';
import { Buffer } from '@tessera/autograd/nn';
import {
  compile,
  key,
  normal,
  ones,
  scalar,
  tensor,
  tree,
  uniform,
  type Tensor,
} from '@tessera/tensor';
import { planProgram, simplify, trace } from '@tessera/tensor/extend';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { programInputs, runProgram, steps } from '../properties/programs.ts';

const numbers = (root: unknown): number[][] => tree.leaves(root).map((x) => [...x.dataSync()]);
const at = (f: (x: Tensor) => Tensor, x: number): number => f(scalar(x)).itemSync();

/** Bytes of scratch memory that f needs when compiled. */
function arenaBytes(f: (...args: Tensor[]) => unknown, ...args: Tensor[]): number {
  const capture = () => {
    throw new Error('nothing is captured');
  };
  const program = trace((inputs) => tree.leaves(f(...inputs)), args, {
    composites: new Set(),
    capture,
  });
  return planProgram(simplify(program)).arenaBytes;
}

describe('checkpoint', () => {
  it('changes neither values nor gradients of random programs, eager or compiled', () => {
    fc.assert(
      fc.property(steps, fc.nat(50), (program, seed) => {
        const inputs = programInputs(seed);
        const f = (...args: readonly Tensor[]): readonly Tensor[] => runProgram(args, program);
        const gradients = (g: typeof f) => (): readonly Tensor[] => {
          const { value, pullback } = vjp(g, ...inputs);
          return [...value, ...pullback(value.map((y) => y.sin()))];
        };
        const plain = numbers(gradients(f)());
        expect(numbers(gradients(checkpoint(f))())).toEqual(plain);
        expect(numbers(compile(gradients(checkpoint(f)))())).toEqual(plain);
      }),
    );
  });

  it('changes no derivative of any order', async () => {
    const f = (x: Tensor): Tensor => x.tanh().mul(x).sin().sum();
    const x = tensor([0.5, -1, 1.5]);
    const c = checkpoint(f);
    expect(numbers(hvp(c, x, ones([3])))).toEqual(numbers(hvp(f, x, ones([3]))));
    const third = (g: typeof f) => (y: Tensor) => hvp((z: Tensor) => grad(g)(z).sum(), y, y);
    expect(numbers(third(c)(x))).toEqual(numbers(third(f)(x)));
    await gradcheck((y: Tensor) => checkpoint((z: Tensor) => c(z.mul(2)).exp())(y), [x], {
      order: 2,
    });
    const cube = checkpoint((y: Tensor) => y.mul(y).mul(y));
    expect([1, 2, 3, 4].map((order) => at(nth(cube, order), 2))).toEqual([12, 12, 6, 0]);
    expect(at(compile(nth(cube, 3)), 2)).toBe(6);
  });

  it('keeps one node, and evaluates again only for the gradient', () => {
    let evaluations = 0;
    const f = checkpoint(function block(x: Tensor): Tensor {
      evaluations++;
      return x.sin().exp().tanh();
    });
    expect(formatGraph(record((x: Tensor) => f(f(x)).sum(), ones([3])).graph))
      .toMatchInlineSnapshot(`
        "graph(in0: float32[3])
          v0: float32[3] = checkpoint(block)(in0)  y = f(x) ⇒ x̄ = ȳᵀ ∂f/∂x, with f evaluated again
          v1: float32[3] = checkpoint(block)(v0)   y = f(x) ⇒ x̄ = ȳᵀ ∂f/∂x, with f evaluated again
          v2: float32[] = sum(v1) { axes: [0] }    y = Σᵢ xᵢ ⇒ x̄ᵢ = ȳ"
      `);
    expect(evaluations).toBe(2);
    const { pullback } = vjp(f, ones([3]));
    expect(evaluations).toBe(3);
    pullback(ones([3]));
    pullback(ones([3]));
    expect(evaluations).toBe(5);
    f(ones([3]));
    expect(evaluations).toBe(6);
  });

  it('evaluates once more for each order', () => {
    let evaluations = 0;
    const f = checkpoint((x: Tensor) => {
      evaluations++;
      return x.mul(x).mul(x);
    });
    expect(at(grad(grad(f)), 2)).toBe(12);
    // For the value, for the gradient, and again inside the gradient, to differentiate it.
    expect(evaluations).toBe(3);
  });

  it('asks for no cotangent that nobody needs', () => {
    const seen: boolean[] = [];
    const probe = customVjp(
      (x: Tensor) => x,
      (cotangent) => {
        seen.push(true);
        return [cotangent];
      },
    );
    const f = checkpoint((w: Tensor, x: Tensor) => w.mul(probe(x)));
    expect(grad((w: Tensor) => f(w, scalar(3)))(scalar(2)).itemSync()).toBe(3);
    expect(seen).toEqual([]);
  });

  it('reaches what the function reads from around it', () => {
    const f = (w: Tensor, x: Tensor): Tensor => {
      const [shift, c] = [w.mul(2), ones([2])];
      const block = checkpoint((y: Tensor) => y.mul(w).add(shift).mul(c).sin());
      return block(block(x)).sum();
    };
    const plain = (w: Tensor, x: Tensor): Tensor => {
      const block = (y: Tensor): Tensor => y.mul(w).add(w.mul(2)).sin();
      return block(block(x)).sum();
    };
    const [w, x] = [tensor([0.3, -1]), tensor([2, 0.7])];
    for (const argnum of [0, 1]) {
      const [found] = numbers(grad(f, argnum)(w, x));
      const [expected] = numbers(grad(plain, argnum)(w, x));
      // Another order of additions: a few roundings of numbers of size 1.
      found.forEach((entry, i) => expect(Math.abs(entry - expected[i])).toBeLessThan(1e-6));
    }
    const second = (g: typeof f) => numbers(hvp((v: Tensor) => g(v, x), w, ones([2])))[0];
    second(f).forEach((entry, i) => {
      expect(Math.abs(entry - second(plain)[i])).toBeLessThan(1e-5);
    });
    expect(numbers(compile(grad(f))(w, x))).toEqual(numbers(grad(f)(w, x)));
  });

  it('does not confuse the perturbations of nested gradients', () => {
    const f = (x: Tensor): Tensor => x.mul(grad(checkpoint((y: Tensor) => x.add(y)))(x));
    expect(at(grad(f), 3)).toBe(1);
    const g = (x: Tensor): Tensor => x.mul(grad(checkpoint((y: Tensor) => x.mul(y)))(scalar(2)));
    expect(at(grad(g), 3)).toBe(6); // x · x
    const h = checkpoint((x: Tensor) => x.mul(grad((y: Tensor) => x.mul(y).mul(y))(x)));
    expect(at(h, 2)).toBe(16); // 2 x³
    expect(at(grad(h), 2)).toBe(24);
    const s = (x: Tensor): Tensor => checkpoint((y: Tensor) => y.mul(stopGradient(x.mul(y))))(x);
    expect(at(grad(s), 3)).toBe(9);
  });

  it('takes and gives trees', () => {
    interface Model {
      readonly w: Tensor;
      readonly offset: Buffer;
      readonly ids: Tensor;
    }
    const model = {
      w: tensor([2, 3]),
      offset: new Buffer(ones([2])),
      ids: tensor([4, 5], { dtype: 'int32' }),
    };
    const f = ({ w, offset, ids }: Model, power: number) => ({
      y: w.pow(power).add(offset.value).mul(ids),
      ids: ids.mul(2),
      first: w,
    });
    const loss = (g: typeof f) => (m: Model) => {
      const { y, ids, first } = g(m, 3);
      return y.mul(ids).sum().add(first.sum());
    };
    const [plain, saved] = [f, checkpoint(f)].map((g) => valueAndGrad(loss(g))(model));
    expect(numbers(saved)).toEqual(numbers(plain));
  });

  it('draws the same random numbers again from a key', () => {
    const dropout = (x: Tensor, random: Tensor): Tensor =>
      x.mul(uniform(random, x.shape).less(0.5)).mul(2);
    const f = (g: typeof dropout) => (x: Tensor) => g(x.square(), key(7)).sum();
    const x = normal(key(1), [20]);
    expect(numbers(grad(f(checkpoint(dropout)))(x))).toEqual(numbers(grad(f(dropout))(x)));
  });

  it('hands on a function that returns what it was given', () => {
    const same = checkpoint((x: Tensor) => x);
    expect(
      at(
        grad((x) => same(x).mul(x)),
        3,
      ),
    ).toBe(6);
    const outer = (x: Tensor): Tensor => checkpoint(() => x)().mul(x);
    expect(at(grad(outer), 3)).toBe(6);
  });

  it('refuses an asynchronous function', () => {
    const later = (async (x: Tensor) => Promise.resolve(x)) as unknown as (x: Tensor) => Tensor;
    expect(() => grad(checkpoint(later))(scalar(1))).toThrowErrorMatchingInlineSnapshot(
      `[StateError: checkpoint(later): the function returned a Promise, but it must be synchronous. Read values with await outside of it.]`,
    );
  });
});

describe('the memory of a checkpointed chain', () => {
  const block = (x: Tensor, w: Tensor): Tensor => x.matmul(w).tanh().matmul(w).sin().add(x);
  const chain =
    (segment: (x: Tensor, w: Tensor, count: number) => Tensor, segments: number, count: number) =>
    (w: Tensor, x: Tensor): Tensor => {
      let y = x;
      for (let i = 0; i < segments; i++) y = segment(y, w, count);
      return y.square().mean();
    };
  const several = (x: Tensor, w: Tensor, count: number): Tensor => {
    let y = x;
    for (let i = 0; i < count; i++) y = block(y, w);
    return y;
  };
  // Wide enough that w and its cotangents do not count.
  const [w, x] = [normal(key(1), [16, 16]).mul(0.2), normal(key(2), [2048, 16])];
  const activation = 4 * 2048 * 16; // bytes

  it('is what one segment and the values between segments need', () => {
    const plain = arenaBytes(grad(chain(several, 16, 1)), w, x);
    const each = arenaBytes(grad(chain(checkpoint(several), 16, 1)), w, x);
    const root = arenaBytes(grad(chain(checkpoint(several), 4, 4)), w, x);
    // A block keeps two activations (its tanh, and the argument of its sin) beside its argument.
    expect(plain).toBeGreaterThan(3 * 16 * activation);
    expect(each).toBeLessThan((16 + 8) * activation);
    expect(root).toBeLessThan((4 + 3 * 4 + 6) * activation);
    expect(root).toBeLessThan(plain / 2);
  });

  it('grows with the square root of the length', () => {
    const bytes = (n: number): number => arenaBytes(grad(chain(checkpoint(several), n, n)), w, x);
    const plainBytes = (n: number): number => arenaBytes(grad(chain(several, n, n)), w, x);
    expect(bytes(8) / bytes(4)).toBeLessThan(2.2);
    expect(plainBytes(8) / plainBytes(4)).toBeGreaterThan(3.5);
  });

  it('is not needed for pointwise chains, which are computed again without being told', () => {
    const pointwise = (y: Tensor): Tensor => y.sin().exp().tanh().cos().mul(y).sin().sigmoid();
    const f = (g: typeof pointwise) => (y: Tensor) => {
      let z = y;
      for (let i = 0; i < 8; i++) z = g(z).sum(1, { keepDims: true }).mul(z);
      return z.sum();
    };
    const [plain, saved] = [pointwise, checkpoint(pointwise)].map((g) => arenaBytes(grad(f(g)), x));
    // Of each of eight blocks only the argument is kept.
    expect(plain).toBeLessThan((8 + 1) * activation);
    expect(saved).toBeLessThanOrEqual(plain);
  });

  it('is saved for second orders', () => {
    const second = (loss: (v: Tensor, y: Tensor) => Tensor) => (v: Tensor, y: Tensor) =>
      hvp((u: Tensor) => loss(u, y), v, v);
    const plain = arenaBytes(second(chain(several, 4, 4)), w, x);
    const saved = arenaBytes(second(chain(checkpoint(several), 4, 4)), w, x);
    expect(saved).toBeLessThan(plain / 1.5);
  });

  it('comes at the price of the same numbers', () => {
    const [plain, saved] = [several, checkpoint(several)].map((f) => grad(chain(f, 3, 3)));
    const few = x.slice([[0, 8]]);
    const expected = numbers(plain(w, few))[0];
    const found = numbers(saved(w, few))[0];
    expect(numbers(compile(saved)(w, few))[0]).toEqual(found);
    // w is used in every block; its cotangents are added up in another order.
    const largest = Math.max(...expected.map(Math.abs));
    found.forEach((entry, i) => {
      expect(Math.abs(entry - expected[i])).toBeLessThan(1e-5 * largest);
    });
  });

  it('leaves few nodes of 10,000 on the tape, and the sweep does not recurse', () => {
    let longest = 0;
    const segment = checkpoint((y: Tensor) => {
      const { value, graph } = record((z: Tensor) => {
        let result = z;
        for (let i = 0; i < 100; i++) result = result.add(y);
        return result;
      }, y);
      longest = Math.max(longest, graph.nodes.length);
      return value;
    });
    const whole = (y: Tensor): Tensor => {
      let z = y;
      for (let i = 0; i < 100; i++) z = segment(z).div(101);
      return z;
    };
    const { graph } = record(whole, scalar(2));
    expect(graph.nodes).toHaveLength(200);
    expect(longest).toBe(100);
    expect(at(grad(whole), 2)).toBeCloseTo(1, 3);
  });

  it('may be nested: 10,000 operations in segments of segments', () => {
    const add = (y: Tensor): Tensor => y.add(1);
    const times = (f: (y: Tensor) => Tensor, n: number) => (y: Tensor) => {
      let z = y;
      for (let i = 0; i < n; i++) z = f(z);
      return z;
    };
    const nested = times(checkpoint(times(checkpoint(times(add, 25)), 20)), 20);
    expect(at(nested, 0)).toBe(10_000);
    expect(record(nested, scalar(0)).graph.nodes).toHaveLength(20);
    expect(
      at(
        grad((y: Tensor) => nested(y).mul(y)),
        1,
      ),
    ).toBe(10_002);
  });
});

/** The derivative of that order. */
function nth(f: (x: Tensor) => Tensor, order: number): (x: Tensor) => Tensor {
  return order === 0 ? f : grad(nth(f, order - 1));
}
