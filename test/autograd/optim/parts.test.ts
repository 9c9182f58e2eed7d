import { Buffer } from '@tessera/autograd/nn';
import {
  clipByGlobalNorm,
  clipByValue,
  emaDecay,
  emaUpdate,
  globalNorm,
} from '@tessera/autograd/optim';
import { ones, scalar, tensor, zeros } from '@tessera/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('clipByGlobalNorm', () => {
  const grads = {
    a: tensor([3]),
    b: [tensor([[0, 4]])],
    c: null,
    d: tensor([7], { dtype: 'int32' }),
  };

  it('scales all gradients by one factor', () => {
    const { grads: clipped, norm } = clipByGlobalNorm(grads, 1);
    expect(norm.itemSync()).toBe(5);
    const factor = 1 / (5 + 1e-6);
    expect(clipped.a.itemSync()).toBeCloseTo(3 * factor, 6);
    expect(clipped.b[0].dataSync()[1]).toBeCloseTo(4 * factor, 6);
    expect(clipped.c).toBeNull();
    expect(clipped.d).toBe(grads.d);
  });

  it('leaves small gradients as they are', () => {
    expect(clipByGlobalNorm(grads, 6).grads.a.itemSync()).toBe(3);
    expect(clipByGlobalNorm({ a: zeros([2]) }, 1).grads.a.toArraySync()).toEqual([0, 0]);
  });

  it('never exceeds the norm by more than rounding', () => {
    const list = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(list, list, fc.integer({ min: 1, max: 50 }), (a, b, maxNorm) => {
        const { grads: clipped, norm } = clipByGlobalNorm([tensor(a), tensor(b)], maxNorm);
        const after = globalNorm(clipped).itemSync();
        expect(after).toBeLessThanOrEqual(Math.min(maxNorm, norm.itemSync()) * (1 + 1e-6));
        expect(after).toBeGreaterThanOrEqual(Math.min(maxNorm, norm.itemSync()) * (1 - 3e-6));
      }),
    );
  });

  it('refuses a norm that is not positive', () => {
    expect(() => clipByGlobalNorm(grads, 0)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: clipByGlobalNorm: maxNorm must be above 0, but is 0.]`,
    );
  });
});

describe('clipByValue', () => {
  it('cuts every value off on its own, and leaves alone what is not trained', () => {
    const grads = {
      a: tensor([-3, 0.5, 2]),
      b: new Buffer(tensor([9])),
      c: null,
      d: tensor([7], { dtype: 'int32' }),
    };
    const clipped = clipByValue(grads, 1);
    expect(clipped.a.toArraySync()).toEqual([-1, 0.5, 1]);
    expect(clipped.b.value).toBe(grads.b.value);
    expect(clipped.c).toBeNull();
    expect(clipped.d).toBe(grads.d);
  });

  it('refuses a limit that is not positive', () => {
    expect(() => clipByValue([], -1)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: clipByValue: limit must be above 0, but is -1.]`,
    );
  });
});

describe('ema', () => {
  it('averages trained tensors and takes over the others', () => {
    const of = (
      x: number,
    ): { w: ReturnType<typeof scalar>; b: Buffer; n: ReturnType<typeof scalar> } => ({
      w: scalar(x),
      b: new Buffer(scalar(x)),
      n: scalar(x, 'int32'),
    });
    for (const decay of [0.75, scalar(0.75)]) {
      const average = emaUpdate(of(8), of(4), decay);
      expect(average.w.itemSync()).toBe(7);
      expect(average.b.value.itemSync()).toBe(4);
      expect(average.n.itemSync()).toBe(4);
    }
  });

  it('keeps what does not change exactly', () => {
    const value = tensor([0.1, -0.3, 1e-7]);
    expect(emaUpdate(value, value, 0.9999).toArraySync()).toEqual(value.toArraySync());
  });

  it('has a decay that grows to the maximum', () => {
    const decays = [0, 8, 89, 10_000].map((k) => emaDecay(scalar(k, 'int32'), 0.95).itemSync());
    [0.1, 0.5, 90 / 99, 0.95].forEach((want, i) => expect(decays[i]).toBeCloseTo(want, 6));
  });

  it('refuses another tree', () => {
    expect(() =>
      emaUpdate<unknown>({ a: ones([1]) }, { b: ones([1]) }, 0.9),
    ).toThrowErrorMatchingInlineSnapshot(
      `[StateError: emaUpdate: the average and the parameters are different trees. Start with the parameters.]`,
    );
    expect(() => emaUpdate(ones([1]), ones([2]), 0.9)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: emaUpdate: '' is float32[2], its average float32[1].]`,
    );
  });
});
