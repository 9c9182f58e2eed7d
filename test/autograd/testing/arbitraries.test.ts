import {
  broadcastable,
  broadcastPairs,
  floats,
  gradcheck,
  GradcheckError,
  layouts,
  move,
  movements,
  shapes,
  spacedFloats,
  stridedFloats,
  views,
} from '@tessera/autograd/testing';
import { customVjp } from '@tessera/autograd';
import { broadcastShapes, sizeOf, tensor, zeros, type Tensor } from '@tessera/tensor';
import { isContiguous } from '@tessera/tensor/extend';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const values = (x: Tensor): number[] => Array.from(x.dataSync());

/** Whether a tensor lies row-major and without gaps in its memory. */
function isDense({ value, size }: Tensor): boolean {
  return value.kind === 'stored' && value.storage.size === size && isContiguous(value.view);
}

/** Different results of an arbitrary over many draws. */
function countKinds<T>(arbitrary: fc.Arbitrary<T>, kind: (value: T) => unknown): number {
  return new Set(fc.sample(arbitrary, { numRuns: 300, seed: 1 }).map(kind)).size;
}

describe('shapes', () => {
  it('keep their bounds and use all of them', () => {
    fc.assert(
      fc.property(shapes({ minRank: 1, maxRank: 4, minSize: 0, maxSize: 2 }), (shape) => {
        expect(shape.length).toBeGreaterThanOrEqual(1);
        expect(shape.length).toBeLessThanOrEqual(4);
        expect(shape.every((n) => n >= 0 && n <= 2)).toBe(true);
      }),
    );
    expect(countKinds(shapes({ rank: 2 }), String)).toBe(9);
    expect(countKinds(shapes({ maxRank: 1 }), String)).toBe(4);
    expect(countKinds(shapes(), (shape) => shape.length)).toBe(4);
    expect(countKinds(shapes({ minRank: 5 }), (shape) => shape.length)).toBe(1);
  });

  it('broadcast to the shape they are made for', () => {
    const both = shapes({ minSize: 0 }).chain((shape) =>
      fc.tuple(fc.constant(shape), broadcastable(shape)),
    );
    fc.assert(
      fc.property(both, ([shape, other]) => {
        expect(zeros(other).expand(shape).shape).toEqual(shape);
      }),
    );
    expect(countKinds(broadcastable([2, 3]), String)).toBe(7); // 4 of rank 2, 2 of rank 1, 1 of rank 0
  });

  it('broadcast in pairs, on either side, with axes missing on either', () => {
    fc.assert(
      fc.property(broadcastPairs({ minSize: 0 }), ({ left, right, shape }) => {
        expect(broadcastShapes('test', left, right)).toEqual(shape);
      }),
    );
    const stretched = (a: readonly number[], b: readonly number[]): boolean => a.length < b.length;
    expect(
      countKinds(broadcastPairs(), ({ left, right }) =>
        [stretched(left, right), stretched(right, left), left.join() === right.join()].join(),
      ),
    ).toBe(4);
  });
});

describe('elements', () => {
  it('lie in their interval and away from 0', () => {
    fc.assert(
      fc.property(floats([3, 4]), (x) => {
        for (const element of values(x)) {
          expect(Math.abs(element)).toBeLessThan(2);
          expect(Math.abs(element)).toBeGreaterThan(0.004);
        }
      }),
    );
    fc.assert(
      fc.property(floats([5], { min: 0.5, max: 1 }), (x) => {
        expect(x.min().itemSync()).toBeGreaterThan(0.5);
        expect(x.max().itemSync()).toBeLessThan(1);
      }),
    );
  });

  it('are apart from each other and from 0 where they are spaced', () => {
    fc.assert(
      fc.property(shapes().chain(spacedFloats), (x) => {
        const sorted = [0, ...values(x)].sort((a, b) => a - b);
        sorted.forEach((element, i) => {
          const gap = element === 0 || sorted[i - 1] === 0 ? 0.04 : 0.099;
          if (i > 0) expect(element - sorted[i - 1]).toBeGreaterThan(gap);
        });
      }),
    );
  });
});

describe('layouts', () => {
  const anyTensor = shapes({ maxRank: 5, minSize: 0 }).map((shape) =>
    tensor(
      Float32Array.from({ length: sizeOf(shape) }, (_, i) => i + 1),
      { shape },
    ),
  );

  it('change nothing but the memory', () => {
    fc.assert(
      fc.property(anyTensor, layouts, (x, layout) => {
        expect(layout(x).shape).toEqual(x.shape);
        expect(values(layout(x))).toEqual(values(x));
      }),
    );
  });

  it('are seldom dense', () => {
    const strided = fc.sample(stridedFloats([2, 3]), { numRuns: 200, seed: 2 });
    expect(strided.filter(isDense).length).toBeLessThan(20);
    expect(strided.every(({ shape }) => shape.join() === '2,3')).toBe(true);
  });

  it('print what they do', () => {
    const [layout] = fc.sample(layouts, { numRuns: 1, seed: 3 });
    expect(fc.stringify(layout)).toMatch(/^layout \[\{"rank":\d,"reversed":/);
  });
});

describe('movements', () => {
  it('fit every tensor, empty it never and keep to its elements', () => {
    fc.assert(
      fc.property(
        shapes({ maxRank: 4, minSize: 0 }),
        fc.array(movements, { maxLength: 8 }),
        (shape, chain) => {
          const x = tensor(
            Float32Array.from({ length: sizeOf(shape) }, (_, i) => i + 1),
            { shape },
          );
          const moved = chain.reduce(move, x);
          expect(moved.size === 0).toBe(x.size === 0);
          expect(moved.size).toBeLessThanOrEqual(256);
          const own = new Set(values(x));
          expect(values(moved).every((element) => own.has(element))).toBe(true);
        },
      ),
    );
  });

  it('give views of every kind, and print', () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const moved = fc.sample(views, { numRuns: 300, seed: 4 }).map((view) => view(x));
    expect(moved.filter((y) => !isDense(y)).length).toBeGreaterThan(100);
    expect(new Set(moved.map(({ shape }) => shape.join())).size).toBeGreaterThan(30);
    const [view] = fc.sample(views, { numRuns: 1, seed: 5 });
    expect(fc.stringify(view)).toMatch(/^view \[/);
  });
});

describe('the kit', () => {
  const cubeWith = (factor: number) =>
    customVjp(
      (x: Tensor) => x.mul(x).mul(x),
      (cotangent: Tensor, { primals: [x] }) => [cotangent.mul(x.square()).mul(factor)],
    );

  it('passes an operation of other people that is right', async () => {
    const cube = cubeWith(3);
    await fc.assert(
      fc.asyncProperty(shapes().chain(stridedFloats), views, async (x, view) => {
        const { worst } = await gradcheck((y: Tensor) => cube(view(y)), [x], { order: 2 });
        expect(worst).toBeLessThanOrEqual(1);
      }),
      { numRuns: 25 },
    );
  });

  it('finds one whose rule is wrong', async () => {
    const [x] = fc.sample(floats([2, 2]), { numRuns: 1, seed: 6 });
    await expect(gradcheck(cubeWith(3.1), [x])).rejects.toThrow(GradcheckError);
  });
});
