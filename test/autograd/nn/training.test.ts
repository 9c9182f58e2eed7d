import { valueAndGrad } from '@tessera/autograd';
import {
  Apply,
  BatchNorm2d,
  Buffer,
  Conv2d,
  Dropout,
  Linear,
  loadTensors,
  Module,
  namedParameters,
  namedTensors,
  Sequential,
  withFields,
  type Trained,
} from '@tessera/autograd/nn';
import { sgd } from '@tessera/autograd/optim';
import {
  compile,
  foldIn,
  key,
  maxPool2d,
  normal,
  ones,
  silu,
  split,
  tensor,
  type Tensor,
} from '@tessera/tensor';
import { describe, expect, it } from 'vitest';

const draw = (seed: number, shape: number[]): Tensor => normal(key(seed), shape);

/** The largest difference of two tensors of one shape. */
function distance(a: Tensor, b: Tensor): number {
  expect(a.shape).toEqual(b.shape);
  return a.sub(b).abs().max().itemSync();
}

describe('Dropout', () => {
  it('is the identity without a key', () => {
    const x = draw(0, [3, 4]);
    expect(new Dropout(0.5).forward(x)).toBe(x);
    expect(new Dropout(0).forward(x, key(1))).toBe(x);
  });

  it('drops a share p and scales what stays', () => {
    const values = new Dropout(0.2).forward(ones([100, 100]), key(3)).dataSync();
    const kept = values.filter((value) => value !== 0);
    expect(new Set(kept)).toEqual(new Set([Math.fround(1.25)]));
    // 10,000 draws: the share is within 4 · √(0.2 · 0.8 / 10,000) = 0.016.
    expect(Math.abs(kept.length / 10_000 - 0.8)).toBeLessThan(0.016);
  });

  it('drops the gradient with the value', () => {
    const drop = new Dropout(0.5);
    const { value, grads } = valueAndGrad((x: Tensor) => drop.forward(x, key(2)).sum())(ones([64]));
    expect(grads.sum().itemSync()).toBe(value.itemSync());
    expect(grads.toArraySync()).toEqual(drop.forward(ones([64]), key(2)).toArraySync());
  });

  it('wants a key to train, and a probability', () => {
    expect(() => new Dropout(0.5).train(ones([2]))).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: Dropout: training draws random numbers, but got no key. Pass one to train.]`,
    );
    expect(() => new Dropout(1)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: Dropout: p must lie in [0, 1), but is 1.]`,
    );
    expect(() => new Dropout(-0.1)).toThrow(/-0\.1/);
  });
});

describe('BatchNorm2d', () => {
  const x = draw(4, [5, 3, 2, 4]).mul(3).add(2);
  const values = x.permute([1, 0, 2, 3]).flatten(1).toArraySync() as number[][];
  const moments = values.map((row) => {
    const mean = row.reduce((a, b) => a + b) / row.length;
    const squares = row.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    return { mean, biased: squares / row.length, unbiased: squares / (row.length - 1) };
  });

  it('trains on the batch and moves the statistics', () => {
    const norm = new BatchNorm2d(3, { momentum: 0.25, eps: 1e-3 });
    const { output, module } = norm.train(x);
    const rows = output.permute([1, 0, 2, 3]).flatten(1).toArraySync() as number[][];
    moments.forEach(({ mean, biased, unbiased }, c) => {
      rows[c].forEach((y, i) =>
        expect(y).toBeCloseTo((values[c][i] - mean) / Math.sqrt(biased + 1e-3), 4),
      );
      expect(module.running_mean.value.dataSync()[c]).toBeCloseTo(0.25 * mean, 5);
      expect(module.running_var.value.dataSync()[c]).toBeCloseTo(0.75 + 0.25 * unbiased, 4);
    });
    expect(module.num_batches_tracked.value.itemSync()).toBe(1);
    expect(module).toBeInstanceOf(BatchNorm2d);
    expect(module.weight).toBe(norm.weight);
    expect(norm.running_mean.value.toArraySync()).toEqual([0, 0, 0]); // as it was
  });

  it('evaluates by the running statistics, scaled and shifted', () => {
    const norm = loadTensors(
      new BatchNorm2d(2, { eps: 0 }),
      new Map([
        ['weight', tensor([1, 3])],
        ['bias', tensor([0, 5])],
        ['running_mean', tensor([1, 2])],
        ['running_var', tensor([4, 16])],
        ['num_batches_tracked', tensor(7, { dtype: 'int32' })],
      ]),
    );
    const y = norm.forward(tensor([[[[5]], [[6]]]])); // [1, 2, 1, 1]
    expect(y.flatten().toArraySync()).toEqual([2, 8]);
  });

  it('has names, and parameters, as in PyTorch', () => {
    const norm = new BatchNorm2d(2);
    expect(namedParameters(norm).map(([name]) => name)).toEqual(['weight', 'bias']);
    expect(namedTensors(norm).map(([name]) => name)).toEqual([
      'weight',
      'bias',
      'running_mean',
      'running_var',
      'num_batches_tracked',
    ]);
    expect(namedParameters(new BatchNorm2d(2, { affine: false }))).toEqual([]);
  });

  it('refuses other channels', () => {
    expect(() => new BatchNorm2d(3).forward(ones([1, 4, 2, 2]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: BatchNorm2d: x is [1, 4, 2, 2], but [B, 3, H, W] is expected.]`,
    );
    expect(() => new BatchNorm2d(3).train(ones([5, 3]))).toThrow(/\[B, 3, H, W\]/);
  });
});

describe('withFields', () => {
  it('gives a module of the same class with other fields', () => {
    const layer = new Linear(2, 2, { key: key(0) });
    const shifted = withFields(layer, { bias: ones([2]) });
    expect(shifted).toBeInstanceOf(Linear);
    expect(shifted.weight).toBe(layer.weight);
    expect(shifted.bias?.toArraySync()).toEqual([1, 1]);
    expect(layer.bias?.toArraySync()).toEqual([0, 0]);
  });
});

describe('Sequential', () => {
  const [k1, k2, k3] = split(key(5), 3);
  const model = new Sequential(
    new Conv2d(2, 4, { key: k1, kernelSize: 3, padding: 1 }),
    new BatchNorm2d(4),
    silu,
    new Apply((x) => maxPool2d(x, 2), 'pool'),
    new Sequential(new Dropout(0.5), (x: Tensor) => x.flatten(1)),
    new Linear(16, 3, { key: k2 }),
  );
  const x = draw(6, [8, 2, 4, 4]);

  it('numbers its layers', () => {
    expect(namedTensors(model).map(([name]) => name)).toEqual([
      '0.weight',
      '0.bias',
      '1.weight',
      '1.bias',
      '1.running_mean',
      '1.running_var',
      '1.num_batches_tracked',
      '5.weight',
      '5.bias',
    ]);
    expect([model.length, model[3], model[5]]).toEqual([6, expect.any(Apply), expect.any(Linear)]);
  });

  it('applies its layers in order', () => {
    const [conv, norm, , , , linear] = Array.from(model);
    const y = maxPool2d(silu(norm.forward(conv.forward(x))), 2).flatten(1);
    expect(distance(model.forward(x), linear.forward(y))).toBe(0);
    expect(new Sequential().forward(x)).toBe(x);
  });

  it('trains its layers, each with random numbers of its own', () => {
    const { output, module } = model.train(x, k3);
    const [conv, norm, , pool, inner, linear] = Array.from(model);
    const normed = (norm as BatchNorm2d).train(conv.forward(x));
    const pooled = pool.forward(silu(normed.output));
    const dropped = new Dropout(0.5).forward(pooled, foldIn(foldIn(k3, 4), 0));
    expect(distance(output, linear.forward(dropped.flatten(1)))).toBe(0);
    expect(module).toBeInstanceOf(Sequential);
    expect(module.length).toBe(6);
    expect(module[0]).toBe(model[0]);
    expect((module[1] as BatchNorm2d).running_mean.value.toArraySync()).toEqual(
      normed.module.running_mean.value.toArraySync(),
    );
    expect(module[4]).toEqual(inner);
    expect(() => model.train(x)).toThrow(/Dropout: training draws random numbers/);
  });

  it('trains in one compiled step, statistics included', () => {
    const optimizer = sgd({ momentum: 0.9 });
    const target = draw(7, [8, 3]);
    const loss = (m: Sequential, random: Tensor): readonly [Tensor, Sequential] => {
      const { output, module } = m.train(x, random);
      return [output.sub(target).square().mean(), module];
    };
    let calls = 0;
    type State = ReturnType<typeof optimizer.init>;
    const step = (
      m: Sequential,
      state: State,
      random: Tensor,
    ): { params: Sequential; state: State; loss: Tensor } => {
      calls++;
      const { value, grads, aux } = valueAndGrad(loss, { hasAux: true })(m, random);
      return { ...optimizer.update(grads, state, aux, { learningRate: 0.01 }), loss: value };
    };
    const compiled = compile(step);
    let [params, state] = [model, optimizer.init(model)];
    const losses = Array.from({ length: 40 }, (_, i) => {
      const next = compiled(params, state, foldIn(key(9), i));
      ({ params, state } = next);
      return next.loss.itemSync();
    });
    expect(calls).toBe(1);
    const last = losses.slice(-5).reduce((a, b) => a + b) / 5;
    expect(last).toBeLessThan(0.8 * losses[0]);
    const norm = params[1] as BatchNorm2d;
    expect(norm.num_batches_tracked.value.itemSync()).toBe(40);
    expect(norm.running_mean).toBeInstanceOf(Buffer);
    // After 40 steps of momentum 0.1 the start weighs 0.9^40 = 0.015: evaluation agrees with the last batches.
    const evaluated = params.forward(x).sub(target).square().mean().itemSync();
    expect(evaluated).toBeLessThan(losses[0]);
  });
});

describe("a module of one's own", () => {
  class Residual extends Module {
    readonly norm: BatchNorm2d;
    readonly conv: Conv2d;

    constructor(random: Tensor) {
      super();
      this.norm = new BatchNorm2d(2);
      this.conv = new Conv2d(2, 2, { key: random, kernelSize: 3, padding: 1 });
    }

    forward(x: Tensor): Tensor {
      return x.add(this.conv.forward(this.norm.forward(x)));
    }

    train(x: Tensor): Trained<Residual> {
      const { output, module: norm } = this.norm.train(x);
      return {
        output: x.add(this.conv.forward(output)),
        module: withFields<Residual>(this, { norm }),
      };
    }
  }

  it('hands the statistics of its parts on', () => {
    const block = new Sequential(new Residual(key(1)), new Residual(key(2)));
    const { module } = block.train(draw(3, [4, 2, 3, 3]));
    const tracked = namedTensors(module).filter(([name]) => name.endsWith('tracked'));
    expect(tracked.map(([name, count]) => [name, count.itemSync()])).toEqual([
      ['0.norm.num_batches_tracked', 1],
      ['1.norm.num_batches_tracked', 1],
    ]);
  });
});
