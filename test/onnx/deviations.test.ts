import { toOnnx } from '@tessera/onnx';
import { arange, full, gather, silu, tensor, type Tensor } from '@tessera/tensor';
import { describe, expect, it } from 'vitest';
import { load } from './onnxruntime.ts';

/** A place where onnxruntime-node 1.30 gives another number than the definition of an operation. */
interface Deviation {
  readonly what: string;
  readonly why: string;
  readonly f: (x: Tensor) => Tensor;
  readonly x: Tensor;
  /** The relative deviation there, about: it is between half and twice as much. */
  readonly relative: number;
  /** Most that it is off in units of the largest result. */
  readonly absolute: number;
}

const deviations: readonly Deviation[] = [
  {
    what: 'the sum of a million times 0.1',
    why: 'a few running sums in float32, where ours are joined in pairs',
    f: (x) => x.sum(),
    x: full([1_000_000], 0.1),
    relative: 9e-4,
    absolute: 1e-3,
  },
  {
    what: 'the sum over rows of a column',
    why: 'one running sum in float32 for each column',
    f: (x) => x.sum(0),
    x: full([1_000_000, 1], 0.1),
    relative: 1e-2,
    absolute: 2e-2,
  },
  {
    what: 'sigmoid at -17.9',
    why: 'a rational function for numbers up to 18, whose absolute error is small',
    f: (x) => x.sigmoid(),
    x: tensor([-17.904, 0]),
    relative: 4.3,
    absolute: 2e-7,
  },
  {
    what: 'sigmoid at -18.5',
    why: 'numbers beyond 18 count as 18',
    f: (x) => x.sigmoid(),
    x: tensor([-18.5, 0]),
    relative: 1,
    absolute: 2e-7,
  },
  {
    what: 'silu at -17.9',
    why: 'it is x times that sigmoid, as GELU is',
    f: (x) => silu(x),
    x: tensor([-17.904, 1]),
    relative: 4.3,
    absolute: 2e-6,
  },
];

/** What onnxruntime makes of f, and what the cpu backend makes of it. */
async function both(
  f: (x: Tensor) => Tensor,
  x: Tensor,
): Promise<readonly [ArrayLike<number>, ArrayLike<number>]> {
  const model = await load(await toOnnx(f, x));
  const [result] = await model.run([x]);
  await model.release();
  return [await result.data(), await f(x).data()];
}

describe('onnxruntime-node deviates, as is known', () => {
  const named = deviations.map((row) => [row.what, row.why, row] as const);
  it.each(named)('%s: %s', async (_what, _why, { f, x, relative, absolute }) => {
    const [found, wanted] = await both(f, x);
    const off = Math.abs(found[0] - wanted[0]);
    expect(off / Math.abs(wanted[0])).toBeGreaterThan(relative / 2);
    expect(off / Math.abs(wanted[0])).toBeLessThan(relative * 2);
    const largest = Math.max(...Array.from(wanted, Math.abs));
    expect(off / largest).toBeLessThan(absolute);
  });

  it('an index below 0 counts from the end, where gather refuses it', async () => {
    const index = tensor([-1, 0], { dtype: 'int32' });
    const at = (x: Tensor, i: Tensor): Tensor => gather(x, i, 0);
    const model = await load(await toOnnx(at, arange(4).cast('float32'), index));
    const [found] = await model.run([arange(4).cast('float32'), index]);
    expect(Array.from(await found.data())).toEqual([3, 0]);
    expect(() => at(arange(4).cast('float32'), index).dataSync()).toThrow('index -1 is outside');
    await model.release();
  });
});
