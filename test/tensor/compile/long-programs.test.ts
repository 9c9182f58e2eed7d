import { grad } from '@tessera/autograd';
import {
  concat,
  cpuBackend,
  defaultBackend,
  compile,
  key,
  matmul,
  normal,
  setDefaultBackend,
  softmax,
  stack,
  tensor,
  wasmBackend,
  type Tensor,
} from '@tessera/tensor';
import { formatPlan, planProgram, simplify, trace, type Plan } from '@tessera/tensor/extend';
import { afterEach, describe, expect, it } from 'vitest';

type Results = Tensor | readonly Tensor[];

const before = defaultBackend();

afterEach(() => {
  setDefaultBackend(before);
});

const LENGTH = 2000;

/** `step` again and again. */
function chain(length: number, step: (z: Tensor, i: number) => Tensor): (x: Tensor) => Tensor {
  return (x) => {
    let z = x;
    for (let i = 0; i < length; i++) z = step(z, i);
    return z;
  };
}

/** The sum of all, by pairs. */
function balancedSum(parts: readonly Tensor[]): Tensor {
  const half = parts.length >> 1;
  return half === 0
    ? parts[0]
    : balancedSum(parts.slice(0, half)).add(balancedSum(parts.slice(half)));
}

const many = <T>(make: (i: number) => T, length = LENGTH): T[] =>
  Array.from({ length }, (_, i) => make(i));

function planOf(f: (x: Tensor) => Results): Plan {
  const spec = { shape: [4], dtype: 'float32' } as const;
  return planProgram(simplify(trace(([x]) => [f(x)].flat(), [spec])));
}

function numbers(results: Results): number[][] {
  return [results].flat().map((x) => Array.from(x.dataSync()));
}

const weight = (): Tensor => normal(key(1), [4, 4]).mul(0.5);

/** Programs of many operations, by what they consist of. */
const programs: Readonly<Record<string, () => (x: Tensor) => Results>> = {
  'a chain of maps': () => chain(LENGTH, (z) => z.mul(1.0001).sin()),
  'a chain of maps, each with numbers of its own': () =>
    chain(LENGTH, (z, i) => z.mul(1 + i / 1e6).sin()),
  'values that are used twice': () => chain(LENGTH, (z) => z.mul(z)),
  residuals: () => chain(LENGTH, (z) => z.add(z.sin().mul(0.01))),
  reductions: () => chain(LENGTH / 2, (z) => z.sub(z.sum().mul(0.25))),
  softmax: () => chain(LENGTH / 4, (z) => softmax(z).mul(2)),
  products: () => {
    const w = weight();
    return (x) => chain(LENGTH, (z) => matmul(z, w).add(0.1))(x.reshape([1, 4]));
  },
  'slices and pads': () =>
    chain(LENGTH / 4, (z) =>
      z
        .slice([[1, 4]])
        .pad([[0, 1]])
        .add(0.5),
    ),
  assemblies: () =>
    chain(LENGTH / 4, (z) => concat([z.slice([[1, 4]]), z.slice([[0, 1]])], 0).mul(1.01)),
  choices: () => chain(LENGTH / 4, (z) => z.less(1).where(z.mul(2), z.sub(1))),
  'one value with many readers': () => (x) => {
    const y = x.sin();
    return balancedSum(many((i) => y.mul(i)));
  },
  'a tree of sums': () => (x) => balancedSum(many((i) => x.add(i))),
  'many results': () => (x) => many((i) => x.mul(i)),
  'many results of one chain': () => (x) => {
    let z = x;
    return many(() => (z = z.mul(1.0001).sin()), LENGTH);
  },
  'one assembly of many parts': () => (x) => stack(many((i) => x.mul(i).add(1))),
  'the gradient of a chain of maps': () =>
    grad((x: Tensor) => chain(LENGTH / 4, (z) => z.mul(1.0001).sin())(x).sum()),
  'the gradient of products': () => {
    const w = weight();
    return grad((x: Tensor) =>
      chain(LENGTH / 4, (z) => matmul(z, w).add(0.1))(x.reshape([1, 4])).sum(),
    );
  },
  'the gradient of slices of one tensor': () =>
    grad((x: Tensor) => {
      const y = concat([x, x.mul(0).expand([500, 4]).reshape([2000])], 0);
      return balancedSum(many((i) => y.slice([[i, i + 1]]).sin(), 600)).sum();
    }),
};

describe('a program of many operations', () => {
  for (const [backendName, open] of [
    ['cpu', cpuBackend],
    ['wasm', () => wasmBackend({ threads: 1 })],
  ] as const) {
    it(`${backendName}: a chain of 20,000`, () => {
      setDefaultBackend(open());
      const f = chain(20_000, (z) => z.mul(1.0001).sin());
      const x = tensor([1, 0.5, 0.25, -0.75]);
      expect(numbers(compile(f)(x))).toEqual(numbers(f(x)));
    });

    it.each(Object.entries(programs))(`${backendName}: %s`, (_, make) => {
      setDefaultBackend(open());
      const x = tensor([1, 0.5, 0.25, -0.75]);
      const f = make();
      expect(numbers(compile(f)(x))).toEqual(numbers(f(x)));
    });
  }
});

describe('a plan of many operations', () => {
  it('has kernels of up to 256 operations and few operands, as many as it takes', () => {
    for (const length of [1000, 4000, 20_000]) {
      const { kernels } = planOf(chain(length, (z) => z.mul(1.0001).sin()));
      expect(kernels).toHaveLength(Math.ceil((2 * length) / 256));
    }
    const { kernels } = planOf((x) => many((i) => x.greater(i).where(x.mul(i), x.add(i)), 2000));
    for (const { inputs, outputs } of kernels) {
      expect(inputs.length + outputs.length).toBeLessThan(990);
    }
  });

  it('takes the places of results that are read no more, however many there are', () => {
    const w = weight();
    const wide = (x: Tensor): Tensor => chain(6000, (z) => matmul(z, w))(x.reshape([1, 4]));
    const trained = grad((x: Tensor) => wide(x).sum());
    const capture = {
      composites: new Set<string>(),
      capture: () => cpuBackend().store(new Float32Array(16), 'float32'),
    };
    const spec = { shape: [4], dtype: 'float32' } as const;
    const bytes = (f: (x: Tensor) => Tensor): number =>
      planProgram(simplify(trace(([x]) => [f(x)], [spec], capture))).arenaBytes;
    expect(bytes(wide)).toBe(128);
    // Products read nothing of the forward pass but the weight.
    expect(bytes(trained)).toBeLessThan(1000);
  });

  it('prints', () => {
    const text = formatPlan(planOf(chain(5000, (z) => z.mul(1.0001).sin())));
    expect(text.split('\n')[0]).toBe('plan: 40 kernels, arena 64 bytes');
  });
});
