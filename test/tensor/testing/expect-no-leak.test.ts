import { grad } from '@tessera/autograd';
import {
  compile,
  cpuBackend,
  defaultBackend,
  key,
  normal,
  ones,
  setDefaultBackend,
  split,
  wasmBackend,
  type Tensor,
} from '@tessera/tensor';
import { expectNoLeak, LeakError } from '@tessera/tensor/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const before = defaultBackend();
afterEach(() => {
  setDefaultBackend(before);
});

/** Holds a function to leaving nothing behind. */
async function outcome(f: () => unknown, calls = 10): Promise<string> {
  await expectNoLeak(f, { calls });
  return 'no leak';
}

async function leakOf(f: () => unknown, calls = 5): Promise<LeakError> {
  const error: unknown = await expectNoLeak(f, { calls }).catch((reason: unknown) => reason);
  if (!(error instanceof LeakError)) throw new Error(`no leak, but ${String(error)}`);
  return error;
}

describe.each([
  { name: 'cpu', make: cpuBackend },
  { name: 'wasm', make: () => wasmBackend({ threads: 1 }) },
])('on $name', ({ make }) => {
  beforeEach(() => {
    setDefaultBackend(make());
  });

  it('takes work whose results are dropped: eager, with gradients, compiled, asynchronous', async () => {
    const w = normal(key(0), [16, 16]);
    const loss = (x: Tensor): Tensor => x.matmul(x).tanh().square().sum();
    expect(await outcome(() => grad(loss)(w))).toBe('no leak');
    const step = compile((x: Tensor) => x.sub(grad(loss)(x)));
    expect(await outcome(async () => step(w).sum().item())).toBe('no leak');
  });

  it('takes a state that each call replaces, and numbers that differ from call to call', async () => {
    const step = compile((x: Tensor) => x.mul(0.9), { donate: [0] });
    let [state, i] = [ones([100]), 0];
    const replace = (): void => void (state = step(state));
    expect(await outcome(replace)).toBe('no leak');
    const rescale = (): void => void (state = state.mul(++i).div(i));
    expect(await outcome(rescale)).toBe('no leak');
  });

  it('takes a list that grows while it is called a second time, and then no more', async () => {
    const kept: Tensor[] = [];
    const x = normal(key(0), [32]);
    const fill = (): unknown => kept.length < 15 && kept.push(x.add(1));
    expect(await outcome(fill)).toBe('no leak');
    expect(kept).toHaveLength(15);
  });

  it('refuses a list that grows, and says by what', async () => {
    const kept: Tensor[] = [];
    const x = normal(key(0), [32]);
    const leak = await leakOf(() => kept.push(x.add(1), x.sum()));
    expect(leak).toMatchObject({ tensors: 10, bytes: 5 * (32 + 1) * 4 });
    expect(leak.message).toMatchInlineSnapshot(
      `"expectNoLeak: 5 more calls left 10 more tensors, 660 bytes: 5 × float32 of 32, 5 × float32 of 1 elements. Drop what holds them, or dispose() of them."`,
    );
  });

  it('refuses views that keep what they are of, and graphs that are kept', async () => {
    const views: Tensor[] = [];
    const x = normal(key(0), [1000]);
    expect(await leakOf(() => views.push(x.mul(2).slice([[0, 1]])))).toMatchObject({
      tensors: 5,
      bytes: 20_000,
    });
    const pullbacks: unknown[] = [];
    const { tensors } = await leakOf(() => pullbacks.push(() => x.exp()), 5).catch(() => ({
      tensors: 0,
    }));
    expect(tensors).toBe(0);
  });

  it('takes what is disposed, also where the handles are kept', async () => {
    const handles: Tensor[] = [];
    const x = normal(key(0), [32]);
    const keepHandle = (): void => {
      const y = x.add(1);
      y.dispose();
      handles.push(y);
    };
    expect(await outcome(keepHandle)).toBe('no leak');
  });

  it('leaves the backend as it was, also after an error', async () => {
    const backend = defaultBackend();
    const { allocate, store, release } = backend;
    const own = Object.keys(backend);
    const x = normal(key(0), [3]);
    await leakOf(() => kept.push(x.add(kept.length)));
    await expect(
      expectNoLeak(() => {
        throw new Error('mine');
      }),
    ).rejects.toThrow('mine');
    expect(backend).toMatchObject({ allocate, store, release });
    expect(Object.keys(backend).sort()).toEqual(own.sort());
  });
});

const kept: Tensor[] = [];

it('refuses options that are none', async () => {
  await expect(expectNoLeak(() => 1, { calls: 0 })).rejects.toThrow(/calls must be a whole number/);
  await expect(expectNoLeak(() => 1, { warmUp: -1 })).rejects.toThrow(/warmUp/);
});

describe('the law of the engine, in short', () => {
  it('1,000 eager operations and 500 compiled steps leave nothing behind', async () => {
    setDefaultBackend(wasmBackend({ threads: 1 }));
    const x = normal(key(0), [64]);
    const operations = (): void => {
      for (let i = 0; i < 25; i++) x.mul(2).add(x).tanh().sum();
    };
    expect(await outcome(operations, 5)).toBe('no leak');
    const step = compile(
      (state: { w: Tensor; key: Tensor }) => {
        const [next, noise] = split(state.key);
        const loss = (w: Tensor): Tensor => w.add(normal(noise, w.shape)).square().mean();
        return { w: state.w.sub(grad(loss)(state.w)), key: next };
      },
      { donate: [0] },
    );
    let state = { w: normal(key(1), [64]), key: key(2) };
    const steps = (): void => {
      for (let i = 0; i < 50; i++) state = step(state);
    };
    expect(await outcome(steps, 5)).toBe('no leak');
  });
});
