import { customVjp, gradcheck, GradcheckError, stopGradient } from '@tessera/autograd';
import { key, tensor, uniform, type Tensor } from '@tessera/tensor';
import { describe, expect, it } from 'vitest';

const x = tensor([0.5, -1, 1.5]);

describe('gradcheck', () => {
  it('passes a right gradient of first and second order', async () => {
    const { worst } = await gradcheck((y: Tensor) => y.tanh().mul(y), [x], { order: 2 });
    expect(worst).toBeLessThan(1);
  });

  it('takes trees and leaves integers alone', async () => {
    const f = ({ a, b }: { a: Tensor; b: Tensor }): Tensor[] => [a.mul(b), b];
    const { worst } = await gradcheck(f, [{ a: x, b: tensor([1, 2, 3], { dtype: 'int32' }) }]);
    expect(worst).toBeLessThan(1);
  });

  it('refuses to pass where there is nothing to check', async () => {
    const ids = tensor([1, 2], { dtype: 'int32' });
    await expect(gradcheck((y: Tensor) => y.cast('float32'), [ids])).rejects.toThrow(
      'gradcheck: there is nothing to check: no input is trained: float32 tensors outside of buffers are.',
    );
    await expect(gradcheck((y: Tensor) => y.cast('int32'), [tensor([1.5])])).rejects.toThrow(
      'gradcheck: there is nothing to check: the function gives no float32 numbers.',
    );
  });

  it.each([
    [1000, 1.01, false],
    [10_000, 1.2, false],
    [10_000, 2, true],
  ])(
    'finds a wrong factor among %i entries: %f, mean %s',
    async (n, factor, isMean) => {
      const scaled = (by: number) =>
        customVjp(
          (y: Tensor) => y.sin(),
          (ȳ, { primals: [y] }) => [ȳ.mul(y.cos()).mul(by)],
        );
      const f = (by: number) => (y: Tensor) => (isMean ? scaled(by)(y).mean() : scaled(by)(y));
      const points = uniform(key(0), [n], -1, 1);
      await expect(gradcheck(f(factor), [points])).rejects.toBeInstanceOf(GradcheckError);
      expect((await gradcheck(f(1), [points])).worst).toBeLessThan(1);
    },
    300_000,
  );

  it('finds a gradient that is off by 1 in 200, and the entry', async () => {
    const last = tensor([0, 0, 1]);
    const wrong = (y: Tensor): Tensor => y.exp().add(stopGradient(y).sin().mul(last).mul(0.3));
    const failure = await gradcheck(wrong, [x]).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(GradcheckError);
    expect(failure).toMatchObject({ order: 1, worst: { path: '0', index: 2 } });
    const slight = (y: Tensor): Tensor => y.mul(0.995).add(stopGradient(y).mul(0.005));
    await expect(gradcheck(slight, [x])).rejects.toThrow(GradcheckError);
  });

  it('finds an error that only the second order has', async () => {
    // The value of x², its gradient 2x, but 2 stopGradient(x) to the second gradient.
    const f = (y: Tensor): Tensor => y.mul(stopGradient(y)).mul(2).sub(stopGradient(y.square()));
    await gradcheck(f, [x]).then(({ worst }) => expect(worst).toBeLessThan(1));
    await expect(gradcheck(f, [x], { order: 2 })).rejects.toThrow(/^gradcheck: order 2: /);
  });

  it('finds a gradient that is not a number', async () => {
    const f = (y: Tensor): Tensor => y.sub(stopGradient(y)).sqrt().mul(0).add(y);
    await expect(gradcheck(f, [x])).rejects.toThrow(/the rule gives NaN/);
  });
});
