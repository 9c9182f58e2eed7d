import { checkpoint, grad, valueAndGrad, vjp } from '@tessera/autograd';
import { AnomalyError, detectAnomaly, type Anomaly } from '@tessera/autograd/debug';
import { Module } from '@tessera/autograd/nn';
import {
  compile,
  cpuBackend,
  defaultBackend,
  key,
  normal,
  ones,
  scalar,
  setDefaultBackend,
  softmax,
  StateError,
  tensor,
  tree,
  wasmBackend,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { gpuBackend } from '@tessera/tensor/gpu';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** The anomaly that a function in checked mode names. */
async function anomalyOf(run: Promise<unknown>): Promise<Anomaly> {
  const error: unknown = await run.catch((reason: unknown) => reason);
  if (!(error instanceof AnomalyError)) throw new Error(`no anomaly, but ${String(error)}`);
  return error.anomaly;
}

const before = defaultBackend();
afterEach(() => {
  setDefaultBackend(before);
});

describe.each([
  { name: 'cpu', make: async () => Promise.resolve(cpuBackend()) },
  { name: 'wasm', make: async () => Promise.resolve(wasmBackend({ threads: 1 })) },
  { name: 'gpu', make: () => gpuBackend({ mode: 'cpu' }) },
])('on $name', ({ make }) => {
  beforeEach(async () => {
    setDefaultBackend(await make());
  });

  it('a finite function gives the value that it gives without the check', async () => {
    const w = normal(key(0), [4, 3]);
    const step = (x: Tensor): Tensor => x.sub(grad((v: Tensor) => softmax(v).square().sum())(x));
    const checked = await detectAnomaly(step)(w);
    expect(await checked.toArray()).toEqual(await step(w).toArray());
  });

  it('names an operation of the forward pass, with the ranges of its operands', async () => {
    const f = (x: Tensor): Tensor => x.mul(2).log().sum();
    const anomaly = await anomalyOf(detectAnomaly(f)(tensor([1, -2, 0])));
    expect(anomaly).toMatchObject({ operation: 'log', order: 0, gradientOf: null, argument: null });
    const shared = { spec: 'float32[3]', size: 3 };
    expect(anomaly.operands).toEqual([{ ...shared, min: -4, max: 2, nans: 0, infinities: 0 }]);
    expect(anomaly.result).toMatchObject({ ...shared, nans: 1, infinities: 1 });
  });

  it('names an operation of the backward pass, and the one whose gradient it is', async () => {
    const f = (x: Tensor): Tensor => x.greater(0).where(x.sqrt(), 0).sum();
    expect(Number.isFinite(await f(tensor([0, 4])).item())).toBe(true);
    const anomaly = await anomalyOf(detectAnomaly(grad(f))(tensor([0, 4])));
    expect(anomaly).toMatchObject({ order: 1, gradientOf: 'sqrt' });
    expect(anomaly.result.infinities + anomaly.result.nans).toBe(1);
  });

  it('names an operation of a second derivative', async () => {
    // x^1.5 has the derivatives 1.5 √x and 0.75 / √x: at 0 the first is finite, the second is not.
    const slope = grad((x: Tensor) => x.pow(1.5).sum());
    const checked = await detectAnomaly(slope)(tensor([0, 4]));
    expect(await checked.toArray()).toEqual([0, 3]);
    const curvature = grad((x: Tensor) => slope(x).sum());
    const anomaly = await anomalyOf(detectAnomaly(curvature)(tensor([0, 4])));
    expect(anomaly).toMatchObject({ order: 2, gradientOf: 'pow' });
  });

  it('checks what is compiled, and leaves donated arguments as they are', async () => {
    const step = compile((w: Tensor, x: Tensor) => w.sub(x.mul(w).div(w)), { donate: [0] });
    const w = tensor([1, 0]);
    const anomaly = await anomalyOf(detectAnomaly(step)(w, ones([2])));
    expect(anomaly).toMatchObject({ operation: 'div', result: { nans: 1 } });
    expect(await w.toArray()).toEqual([1, 0]);
    expect(await step(w, ones([2])).toArray()).toEqual([0, NaN]);
  });
});

describe('the place of an anomaly', () => {
  it('is the line of the program, in the forward and in the backward pass', async () => {
    const root = (x: Tensor): Tensor => x.sqrt();
    const f = (x: Tensor): Tensor => x.greater(0).where(root(x), 0).sum();
    const forward = await anomalyOf(detectAnomaly((x: Tensor) => root(x))(tensor([-1])));
    const backward = await anomalyOf(detectAnomaly(grad(f))(tensor([0, 4])));
    for (const { lines } of [forward, backward]) {
      expect(lines[0]).toMatch(/root .*detect-anomaly\.test\.ts:\d+:\d+/);
      expect(lines.join('\n')).not.toMatch(/packages\/(?:tensor|autograd)/);
    }
    const at = ({ lines }: Anomaly): string | undefined => /\.ts:(\d+):/.exec(lines[0])?.[1];
    expect(at(forward)).toBe(at(backward));
    expect(backward.lines[1]).toMatch(/\bf .*detect-anomaly\.test\.ts/);
  });

  it('is the module, whose backward pass has a ∇', async () => {
    class Net extends Module {
      readonly root = new Root();
      forward(x: Tensor): Tensor {
        return this.root.forward(x).sum();
      }
    }
    const net = new Net();
    const forward = await anomalyOf(detectAnomaly((x: Tensor) => net.forward(x))(tensor([-1])));
    expect(forward).toMatchObject({ operation: 'sqrt', module: 'Net/root' });
    const backward = await anomalyOf(
      detectAnomaly(grad((x: Tensor) => net.forward(x)))(zeros([2])),
    );
    expect(backward).toMatchObject({ gradientOf: 'sqrt', module: '∇Net/root' });
  });

  it('is an argument that is not finite from the start, by its path', async () => {
    const f = (batch: { x: Tensor; y: Tensor }): Tensor => batch.x.mul(batch.y).sum();
    const run = detectAnomaly(f)({ x: ones([2]), y: tensor([1, NaN]) });
    const anomaly = await anomalyOf(run);
    expect(anomaly).toMatchObject({ operation: null, argument: '0.y', result: { nans: 1 } });
  });

  it('is a tensor from outside', async () => {
    const table = tensor([NaN, 1]);
    const anomaly = await anomalyOf(detectAnomaly((x: Tensor) => x.mul(table))(ones([2])));
    expect(anomaly).toMatchObject({ operation: null, argument: null });
  });

  it('is the first of several, along the way to the result', async () => {
    const f = (x: Tensor): Tensor => {
      x.log(); // made first, but used by nothing
      const big = x.mul(1e38).mul(1e38);
      return big.sub(big).add(x.sqrt());
    };
    const anomaly = await anomalyOf(detectAnomaly(f)(tensor([-1, 1])));
    expect(anomaly).toMatchObject({ operation: 'mul', result: { infinities: 2 } });
  });

  it('is found through calls that are one node', async () => {
    const segment = checkpoint((x: Tensor) => x.sqrt().mul(x.greater(0).cast('float32')));
    const f = (x: Tensor): Tensor => segment(x).sum();
    const anomaly = await anomalyOf(detectAnomaly(grad(f))(tensor([0, 1])));
    expect(anomaly.order).toBeGreaterThan(0);
    expect(anomaly.gradientOf).toMatch(/sqrt|checkpoint/);
  });
});

/** A module whose gradient at 0 is infinite. */
class Root extends Module {
  forward(x: Tensor): Tensor {
    return x.sqrt();
  }
}

describe('what is no anomaly', () => {
  it('an infinity that does no harm: a mask, or a branch that is not taken', async () => {
    const masked = (x: Tensor): Tensor => softmax(x.greater(0).where(x, -Infinity));
    expect(await (await detectAnomaly(masked)(tensor([1, -1]))).toArray()).toEqual([1, 0]);
    const guarded = (x: Tensor): Tensor => x.greater(0).where(x.log(), 0);
    expect(await (await detectAnomaly(guarded)(tensor([1, 0]))).toArray()).toEqual([0, 0]);
  });

  it('but a mask that leaves nothing is one, and softmax is what makes NaN of it', async () => {
    const masked = (x: Tensor): Tensor => softmax(x.greater(0).where(x, -Infinity));
    const anomaly = await anomalyOf(detectAnomaly(masked)(tensor([-1, -2])));
    expect(anomaly).toMatchObject({ operation: 'softmax', result: { nans: 2 } });
    expect(anomaly.operands[0]).toMatchObject({ infinities: 2, min: NaN });
  });

  it('numbers without storage, integers and empty tensors are looked at too', async () => {
    const f = (n: Tensor): Tensor => zeros([2]).log().add(n.cast('float32')).sum();
    const anomaly = await anomalyOf(detectAnomaly(f)(tensor([1], { dtype: 'int32' })));
    expect(anomaly).toMatchObject({ operation: 'log', result: { infinities: 2 } });
    await expect(detectAnomaly((x: Tensor) => x.mul(2))(zeros([0]))).resolves.toBeDefined();
  });
});

describe('the message', () => {
  /** The message without the place in this file. */
  const message = async (run: Promise<unknown>): Promise<string> => {
    const error: unknown = await run.catch((reason: unknown) => reason);
    return String(error).replaceAll(/, at .*?:\d+:\d+\)?/g, ', at PLACE');
  };

  it('says what, where, in which pass and from what', async () => {
    const half = (x: Tensor): Tensor => x.div(0).sub(x);
    expect(await message(detectAnomaly(half)(tensor([0, 3, -1])))).toMatchInlineSnapshot(
      `"AnomalyError: detectAnomaly: div made 1 NaN and 2 infinite of 3 values in the forward pass, at PLACE. Operands: float32[3] from -1 to 3; float32[3] all 0. Keep its operands away from there."`,
    );
    const f = (x: Tensor): Tensor => x.greater(0).where(x.sqrt(), 0).sum();
    expect(await message(detectAnomaly(grad(f))(tensor([0, 4])))).toMatchInlineSnapshot(
      `"AnomalyError: detectAnomaly: div made 1 NaN of 2 values in the backward pass of sqrt, at PLACE. Operands: float32[2] from 0 to 1; float32[2] from 0 to 4. Keep its operands away from there."`,
    );
    const twice = (x: Tensor): Tensor => x.mul(2);
    expect(await message(detectAnomaly(twice)(tensor([NaN, 4])))).toMatchInlineSnapshot(
      `"AnomalyError: detectAnomaly: argument 0 holds 1 NaN before anything is computed: float32[2] all 4, 1 NaN. Look at what made it."`,
    );
  });
});

describe('refused is', () => {
  it('a call where there are no values', async () => {
    let inside: Promise<unknown> = Promise.resolve();
    const f = (x: Tensor): Tensor => {
      inside = detectAnomaly((y: Tensor) => y.log())(x).catch((reason: unknown) => reason);
      return x.sum();
    };
    compile(f)(ones([2]));
    expect(String(await inside)).toMatch(/StateError: detectAnomaly: .*inside of compile/);
    grad(f)(ones([2]));
    expect(String(await inside)).toMatch(/inside of grad/);
  });

  it('a function that is asynchronous, or different each time', async () => {
    await expect(detectAnomaly(async (x: Tensor) => Promise.resolve(x))(ones([1]))).rejects.toThrow(
      StateError,
    );
    let calls = 0;
    const fickle = (x: Tensor): Tensor => (calls++ === 0 ? x.log() : x.exp());
    await expect(detectAnomaly(fickle)(tensor([-1]))).rejects.toThrow(/something else/);
  });

  it('nothing of what the function throws itself', async () => {
    const f = (x: Tensor): Tensor => x.matmul(ones([5, 5]));
    await expect(detectAnomaly(f)(ones([2, 2]))).rejects.toThrow(/matmul/);
  });
});

it('finds a pullback that is called later than its function', async () => {
  const { pullback } = vjp((x: Tensor) => x.sqrt(), tensor([0, 1]));
  const anomaly = await anomalyOf(detectAnomaly((ȳ: Tensor) => pullback(ȳ)[0])(ones([2])));
  expect(anomaly).toMatchObject({
    order: 1,
    gradientOf: 'sqrt',
    lines: expect.any(Array) as unknown,
  });
});

it('finds the step of a training that fails, from the state before it', async () => {
  const loss = (w: Tensor): Tensor => w.square().square().sum();
  const step = (w: Tensor): Tensor => tree.map((x, g) => x.sub(g), w, valueAndGrad(loss)(w).grads);
  let [w, last] = [scalar(3), scalar(3)];
  for (let i = 0; i < 20 && Number.isFinite(await w.item()); i++) [last, w] = [w, step(w)];
  const anomaly = await anomalyOf(detectAnomaly(step)(last));
  expect(anomaly.operands.every(({ nans }) => nans === 0)).toBe(true);
});
