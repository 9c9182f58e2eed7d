import { grad } from '@tessera/autograd';
import { Buffer } from '@tessera/autograd/nn';
import {
  adam,
  adamw,
  lion,
  muon,
  rmsprop,
  sgd,
  type AdamOptions,
  type LionOptions,
  type Optimizer,
  type RmspropOptions,
  type SgdOptions,
} from '@tessera/autograd/optim';
import { compile, ones, scalar, tensor, zeros, type Tensor } from '@tessera/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** The parameter after each step of the definition, in float64, for a list of gradients. */
type Definition = (start: number, gradients: readonly number[], rate: number) => number[];

function adamDefinition(
  options: Required<Omit<AdamOptions, 'perParameter'>>,
  decoupled: boolean,
): Definition {
  const { betas: [beta1, beta2], eps, weightDecay, amsgrad } = options; // prettier-ignore
  return (start, gradients, rate) => {
    let [p, m, v, largest] = [start, 0, 0, 0];
    return gradients.map((raw, i) => {
      const g = decoupled ? raw : raw + weightDecay * p;
      m = beta1 * m + (1 - beta1) * g;
      v = beta2 * v + (1 - beta2) * g * g;
      const mHat = m / (1 - beta1 ** (i + 1));
      largest = Math.max(largest, v);
      const vHat = (amsgrad ? largest : v) / (1 - beta2 ** (i + 1));
      if (decoupled) p *= 1 - rate * weightDecay;
      p -= (rate * mHat) / (Math.sqrt(vHat) + eps);
      return p;
    });
  };
}

function sgdDefinition({
  momentum,
  dampening,
  nesterov,
  weightDecay,
}: Required<Omit<SgdOptions, 'perParameter'>>): Definition {
  return (start, gradients, rate) => {
    let [p, u] = [start, 0];
    return gradients.map((raw, i) => {
      const g = raw + weightDecay * p;
      u = i === 0 ? g : momentum * u + (1 - dampening) * g;
      p -= rate * (momentum === 0 ? g : nesterov ? g + momentum * u : u);
      return p;
    });
  };
}

function rmspropDefinition({
  alpha,
  eps,
  momentum,
  centered,
  weightDecay,
}: Required<Omit<RmspropOptions, 'perParameter'>>): Definition {
  return (start, gradients, rate) => {
    let [p, s, m, u] = [start, 0, 0, 0];
    return gradients.map((raw) => {
      const g = raw + weightDecay * p;
      s = alpha * s + (1 - alpha) * g * g;
      m = alpha * m + (1 - alpha) * g;
      const d = g / (Math.sqrt(centered ? s - m * m : s) + eps);
      u = momentum * u + d;
      p -= rate * u;
      return p;
    });
  };
}

function lionDefinition({
  betas: [beta1, beta2],
  weightDecay,
}: Required<Omit<LionOptions, 'perParameter'>>): Definition {
  return (start, gradients, rate) => {
    let [p, m] = [start, 0];
    return gradients.map((g) => {
      p -= rate * (Math.sign(beta1 * m + (1 - beta1) * g) + weightDecay * p);
      m = beta2 * m + (1 - beta2) * g;
      return p;
    });
  };
}

/** Steps through `gradients` and compares with the definition. */
function compare<S>(
  optimizer: Optimizer<S>,
  definition: Definition,
  start: number,
  gradients: number[],
  rate: number,
): void {
  let params = { w: [tensor([start, 0])] };
  let state = optimizer.init(params);
  const got = gradients.map((gradient) => {
    const grads = { w: [tensor([gradient, 0])] };
    ({ params, state } = optimizer.update(grads, state, params, { learningRate: rate }));
    return params.w[0].dataSync()[0];
  });
  // Some ten float32 roundings a step, of numbers of size 2; a step is at most a few times the rate.
  definition(start, gradients, rate).forEach((want, i) =>
    expect(Math.abs(got[i] - want)).toBeLessThan(5e-6 * (i + 1)),
  );
}

const hundredths = (min: number, max: number): fc.Arbitrary<number> =>
  fc.integer({ min, max }).map((n) => n / 100);
const runs = fc.record({
  start: hundredths(-200, 200),
  gradients: fc.array(
    hundredths(-200, 200).filter((g) => g !== 0),
    { minLength: 1, maxLength: 12 },
  ),
  rate: hundredths(1, 10),
});

describe('adam and adamw', () => {
  it.each([
    ['adam', adam, false],
    ['adamw', adamw, true],
  ] as const)(
    // prettier-ignore
    '%s follows its definition',
    (_name, make, decoupled) => {
      const options = fc.record({
        betas: fc.tuple(hundredths(0, 99), hundredths(50, 99)),
        eps: fc.constantFrom(1e-8, 1e-3),
        weightDecay: fc.constantFrom(0, 0.01, 0.1),
        amsgrad: fc.boolean(),
      });
      fc.assert(
        fc.property(options, runs, (hyper, { start, gradients, rate }) => {
          compare(make(hyper), adamDefinition(hyper, decoupled), start, gradients, rate);
        }),
      );
    },
  );

  it('corrects the bias of β₂ = 0.999 to float32 accuracy from the first step', () => {
    // The step is rate · g / (|g| + eps): exactly the rate but for rounding.
    const optimizer = adam({ betas: [0.9, 0.999] });
    const params = scalar(0);
    const { params: next } = optimizer.update(scalar(0.7), optimizer.init(params), params, {
      learningRate: 1,
    });
    expect(Math.abs(next.itemSync() + 1)).toBeLessThan(3e-7);
  });

  it('keeps the largest variance with amsgrad only', () => {
    const optimizer = adam({ betas: [0, 0.5], amsgrad: true });
    const params = { w: tensor([1]) };
    let state = optimizer.init(params);
    for (const g of [4, 0]) {
      ({ state } = optimizer.update({ w: tensor([g]) }, state, params, { learningRate: 1 }));
    }
    expect(state.variance['w'].toArraySync()).toEqual([4]);
    expect(state.largest['w'].toArraySync()).toEqual([8]);
    expect(adam().init(params).largest).toEqual({});
  });

  it.each([
    ['adamw', adamw()],
    ['rmsprop', rmsprop()],
    ['rmsprop, centered', rmsprop({ centered: true })],
  ] as const)('%s lets those differentiate who meet a gradient of 0', (_name, optimizer) => {
    const step = (g: Tensor): Tensor => {
      const params = ones([2]);
      const any = optimizer as Optimizer<unknown>;
      return any.update(g, any.init(params), params, { learningRate: 0.01 }).params.sum();
    };
    const [atZero] = grad(step)(zeros([2])).dataSync();
    expect(Number.isFinite(atZero) && atZero < 0).toBe(true);
  });

  it('refuses settings that make no sense', () => {
    expect(() => adamw({ betas: [0.9, 1] })).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: adamw: betas must lie in [0, 1), eps and weightDecay be at least 0, but got betas [0.9, 1], eps 1e-8, weightDecay 0.01.]`,
    );
    expect(() => adam({ eps: -1 })).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: adam: betas must lie in [0, 1), eps and weightDecay be at least 0, but got betas [0.9, 0.999], eps -1, weightDecay 0.]`,
    );
  });
});

describe('sgd', () => {
  it('follows its definition', () => {
    const options = fc
      .record({
        momentum: fc.constantFrom(0, 0.5, 0.9),
        dampening: fc.constantFrom(0, 0.3),
        nesterov: fc.boolean(),
        weightDecay: fc.constantFrom(0, 0.1),
      })
      .filter(
        ({ momentum, dampening, nesterov }) => !nesterov || (momentum > 0 && dampening === 0),
      );
    fc.assert(
      fc.property(options, runs, (hyper, { start, gradients, rate }) => {
        compare(sgd(hyper), sgdDefinition(hyper), start, gradients, rate);
      }),
    );
  });

  it('keeps no velocity without momentum', () => {
    expect(sgd().init(ones([2])).velocity).toEqual({});
  });

  it('refuses settings that make no sense', () => {
    expect(() => sgd({ momentum: -1 })).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: sgd: momentum -1, dampening 0 and weightDecay 0 must be finite and at least 0.]`,
    );
    expect(() => sgd({ nesterov: true })).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: sgd: nesterov needs momentum above 0 and dampening 0, but got momentum 0, dampening 0.]`,
    );
    expect(() => sgd({ nesterov: true, momentum: 0.9, dampening: 0.1 })).toThrow(
      /nesterov needs momentum/,
    );
  });
});

describe('rmsprop', () => {
  it('follows its definition', () => {
    const options = fc.record({
      // With α ≤ 0.9 and eps ≥ 1e-3 the deviation of the gradients is well above its rounding.
      alpha: hundredths(0, 90),
      eps: fc.constantFrom(1e-3, 0.1),
      momentum: fc.constantFrom(0, 0.5, 0.9),
      centered: fc.constant(false),
      weightDecay: fc.constantFrom(0, 0.1),
    });
    fc.assert(
      fc.property(options, runs, (hyper, { start, gradients, rate }) => {
        compare(rmsprop(hyper), rmspropDefinition(hyper), start, gradients, rate);
      }),
    );
  });

  it('centered divides by the deviation', () => {
    const options = fc.record({
      // The first α keeps the deviation at 0.3 |g| or more: no cancellation beyond a digit.
      alpha: hundredths(30, 90),
      eps: fc.constantFrom(1e-3, 0.1),
      momentum: fc.constantFrom(0, 0.5),
      centered: fc.constant(true),
      weightDecay: fc.constant(0),
    });
    const alternating = runs.map((run) => ({
      ...run,
      gradients: run.gradients.map((g, i) => (i % 2 === 0 ? Math.abs(g) : -Math.abs(g))),
    }));
    fc.assert(
      fc.property(options, alternating, (hyper, { start, gradients, rate }) => {
        compare(rmsprop(hyper), rmspropDefinition(hyper), start, gradients, rate);
      }),
    );
  });

  it('centered survives gradients that do not change', () => {
    const optimizer = rmsprop({ centered: true, alpha: 0.5 });
    let params = { w: scalar(1) };
    let state = optimizer.init(params);
    for (let i = 0; i < 60; i++) {
      const grads = { w: scalar(0.3) };
      ({ params, state } = optimizer.update(grads, state, params, { learningRate: 1e-6 }));
    }
    expect(Number.isFinite(params.w.itemSync())).toBe(true); // s − m² may round below 0
  });

  it('keeps only the averages that it needs', () => {
    const { square, mean, velocity } = rmsprop().init(ones([2]));
    expect([square, mean, velocity].map((map) => Object.keys(map).length)).toEqual([1, 0, 0]);
  });

  it('refuses settings that make no sense', () => {
    expect(() => rmsprop({ alpha: 1 })).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: rmsprop: alpha must lie in [0, 1), the others be at least 0, but got alpha 1, eps 1e-8, momentum 0, weightDecay 0.]`,
    );
    expect(() => rmsprop({ momentum: -1 })).toThrow(/momentum -1/);
    expect(() => rmsprop({ eps: NaN })).toThrow(/eps NaN/);
    expect(() => rmsprop({ weightDecay: -1 })).toThrow(/weightDecay -1/);
  });
});

describe('lion', () => {
  it('follows its definition', () => {
    const options = fc.record({
      // Multiples of 1/8: sums of such products of gradients in 1/100 are 0 only if they are 0 in float32.
      betas: fc.tuple(
        fc.integer({ min: 0, max: 7 }).map((n) => n / 8),
        fc.integer({ min: 0, max: 7 }).map((n) => n / 8),
      ),
      weightDecay: fc.constantFrom(0, 0.1, 1),
    });
    const exact = runs.map((run) => ({
      ...run,
      gradients: run.gradients.slice(0, 5).map((g) => Math.round(100 * g)),
    }));
    fc.assert(
      fc.property(options, exact, (hyper, { start, gradients, rate }) => {
        compare(lion(hyper), lionDefinition(hyper), start, gradients, rate);
      }),
    );
  });

  it('moves by the learning rate, and not at all without a gradient', () => {
    const optimizer = lion();
    const params = { w: tensor([1, 1, 1]) };
    const grads = { w: tensor([1e-9, -1e9, 0]) };
    const next = optimizer.update(grads, optimizer.init(params), params, { learningRate: 0.25 });
    expect(next.params.w.toArraySync()).toEqual([0.75, 1.25, 1]);
  });

  it('refuses settings that make no sense', () => {
    expect(() => lion({ betas: [0.9, 1] })).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: lion: betas must lie in [0, 1) and weightDecay be at least 0, but got betas [0.9, 1], weightDecay 0.]`,
    );
    expect(() => lion({ weightDecay: -1 })).toThrow(/weightDecay -1/);
  });
});

const optimizers: readonly (readonly [string, () => Optimizer<unknown>])[] = [
  ['adamw', () => adamw()],
  ['adam', () => adam({ weightDecay: 0.1 })],
  ['sgd', () => sgd({ momentum: 0.9, weightDecay: 0.1 })],
  ['rmsprop', () => rmsprop({ momentum: 0.9, centered: true, weightDecay: 0.1 })],
  ['lion', () => lion({ weightDecay: 0.1 })],
  ['muon', () => muon({ matrices: () => 0 })],
];

describe.each(optimizers)('%s on trees', (_name, make) => {
  const params = {
    w: tensor([1, 2]),
    frozen: new Buffer(tensor([3])),
    ids: tensor([4], { dtype: 'int32' }),
    unused: tensor([5]),
  };

  it('leaves alone what has no gradient, is in a buffer or is no float', () => {
    const optimizer = make();
    const grads = { ...params, w: ones([2]), unused: null };
    const { params: next } = optimizer.update(grads, optimizer.init(params), params, {
      learningRate: 0.1,
    });
    expect(next.w.toArraySync()).not.toEqual([1, 2]);
    expect(next.frozen).toBeInstanceOf(Buffer);
    expect(next.frozen.value).toBe(params.frozen.value);
    expect(next.ids).toBe(params.ids);
    expect(next.unused).toBe(params.unused);
    expect(params.w.toArraySync()).toEqual([1, 2]);
  });

  it('counts steps in a tensor, so that one compiled step serves all', () => {
    const optimizer = make();
    let calls = 0;
    const step = (state: unknown, w: Tensor): { params: Tensor; state: unknown } => {
      calls++;
      return optimizer.update(tensor([1, -2]), state, w, { learningRate: 0.1 });
    };
    const compiled = compile(step);
    let eager = { params: zeros([2]), state: optimizer.init(zeros([2])) };
    let fast = eager;
    for (let i = 0; i < 3; i++) {
      eager = step(eager.state, eager.params);
      fast = compiled(fast.state, fast.params);
    }
    expect(calls).toBe(3 + 1); // compile called it once, to trace it
    expect(fast.state).toMatchObject({ step: { dtype: 'int32' } });
    const [a, b] = [eager, fast].map(({ params: p }) => p.dataSync());
    a.forEach((x, i) => expect(Math.abs(x - b[i])).toBeLessThan(1e-6)); // fused kernels may round elsewhere
  });

  it('refuses another tree', () => {
    const optimizer = make();
    const state = optimizer.init({ a: ones([2]) });
    const rate = { learningRate: 0.1 };
    expect(() => optimizer.update({ b: ones([2]) }, state, { a: ones([2]) }, rate)).toThrow(
      /there is a gradient at 'b'/,
    );
    expect(() => optimizer.update({ b: ones([2]) }, state, { b: ones([2]) }, rate)).toThrow(
      /knows no parameter 'b'/,
    );
    expect(() => optimizer.update({ a: ones([1]) }, state, { a: ones([2]) }, rate)).toThrow(
      /the gradient of 'a' is \[1\], the parameter \[2\]/,
    );
  });
});

describe('perParameter', () => {
  const perParameter = (path: string): { learningRateScale?: number; weightDecay?: number } =>
    path === 'b' ? { learningRateScale: 0.5, weightDecay: 0 } : {};

  it.each([
    ['adamw', (options: object): Optimizer<unknown> => adamw(options)],
    ['adam', (options: object): Optimizer<unknown> => adam(options)],
    ['sgd', (options: object): Optimizer<unknown> => sgd(options)],
    ['rmsprop', (options: object): Optimizer<unknown> => rmsprop(options)],
    ['lion', (options: object): Optimizer<unknown> => lion(options)],
  ])('of %s sets rate and decay of single parameters', (_name, make) => {
    const after = (options: object, learningRate: number, path: string): number => {
      const optimizer = make(options);
      const params = { [path]: scalar(2) };
      return optimizer
        .update({ [path]: scalar(0.3) }, optimizer.init(params), params, { learningRate })
        .params[path].itemSync();
    };
    const settings = { weightDecay: 0.1, perParameter };
    expect(after(settings, 0.1, 'a')).toBe(after({ weightDecay: 0.1 }, 0.1, 'a'));
    expect(after(settings, 0.1, 'b')).toBeCloseTo(after({ weightDecay: 0 }, 0.05, 'b'), 6);
    expect(after(settings, 0.1, 'b')).not.toBeCloseTo(after(settings, 0.1, 'a'), 3);
  });
});
