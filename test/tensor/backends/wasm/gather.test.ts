import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { wasmBackend } from '../../../../packages/tensor/src/backends/wasm/wasm.ts';
import { gather } from '../../../../packages/tensor/src/primitives/gather.ts';
import { contiguousView } from '../../../../packages/tensor/src/array/view.ts';
import { fill, inputOf, runCall, type Input } from '../cpu/kernel-runs.ts';

interface Case {
  readonly axis: number;
  readonly x: Input;
  /** Of x along the axis, no larger than x elsewhere. */
  readonly index: Input;
  /** Of the shape of `index`. */
  readonly source: Input;
}

const one = wasmBackend({ threads: 1 });
const two = wasmBackend({ threads: 2 });

afterAll(() => {
  two.stopThreads();
});

/** Some index view, or one that is the same everywhere but along the axis. */
function indices(shape: readonly number[], axis: number, count: number): fc.Arbitrary<Input> {
  const along = (stride: number): readonly number[] =>
    shape.map((_, i) => (i === axis ? stride : 0));
  return fc.tuple(inputOf(shape, 'int32'), fc.boolean()).map(([{ view, elements }, isSame]) => ({
    view: isSame ? { shape, strides: along(Math.abs(view.strides[axis])), offset: 0 } : view,
    elements: elements.map((i) => Math.abs(i) % count),
  }));
}

/** Indexed reads and writes of any rank and axis, all operands with any views. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    shape: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 3 }),
    axis: fc.nat(),
    limits: fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 3, maxLength: 3 }),
    dtype: fc.constantFrom('float32' as const, 'int32' as const, 'bool' as const),
    isWhole: fc.boolean(),
  })
  .chain(({ shape, axis: seed, limits, dtype, isWhole }) => {
    const axis = seed % shape.length;
    const indexShape = shape.map((n, i) => {
      if (i === axis) return limits[i];
      return isWhole ? n : Math.min(n, limits[i]);
    });
    return fc.record({
      axis: fc.constant(axis),
      x: inputOf(shape, dtype),
      index: indices(indexShape, axis, shape[axis]),
      source: inputOf(indexShape, dtype === 'bool' ? 'int32' : dtype),
    });
  });

/** Rows of a table, by an index that is the same along each row. */
const table = { view: contiguousView([500, 96]), elements: fill(new Float32Array(48_000), 1) };
const lookups = {
  view: { shape: [3000, 96], strides: [1, 0], offset: 0 },
  elements: Int32Array.from({ length: 3000 }, (_, i) => (i * i) % 500),
};
const added = { view: contiguousView([3000, 96]), elements: fill(new Float32Array(288_000), 2) };

describe('gather on wasm', () => {
  it('is that of the cpu backend', () => {
    fc.assert(
      fc.property(cases, ({ axis, x, index }) => {
        const run = (backend?: typeof one) => runCall(gather.gather, { axis }, [x, index], backend);
        expect(run(one)).toStrictEqual(run());
      }),
      { numRuns: 120 },
    );
  });

  it('copies rows on several threads', () => {
    const run = (backend?: typeof one) =>
      runCall(gather.gather, { axis: 0 }, [table, lookups], backend);
    expect(run(two)).toStrictEqual(run());
  });

  it('refuses indices outside the axis, also of an empty one', () => {
    const run = (columns: number, index: number) => () => {
      const x = { view: contiguousView([2, columns]), elements: new Float32Array(2 * columns) };
      const at = { view: contiguousView([1, 1]), elements: new Int32Array([index]) };
      return runCall(gather.gather, { axis: 1 }, [x, at], one);
    };
    expect(run(3, 3)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: gather: index 3 is outside axis 1 of [2, 3]: indices along it are 0 to 2. Ids of embedding and crossEntropy are such indices.]`,
    );
    expect(run(3, -1)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: gather: index -1 is outside axis 1 of [2, 3]: indices along it are 0 to 2. Ids of embedding and crossEntropy are such indices.]`,
    );
    expect(run(0, 0)).toThrow('gather: index 0 is outside axis 1 of [2, 0]');
    expect(run(3, 2)).not.toThrow();
  });
});

describe('scatterAdd on wasm', () => {
  it('is that of the cpu backend', () => {
    fc.assert(
      fc.property(cases, ({ axis, x, index, source }) => {
        const params = { axis, shape: x.view.shape };
        const run = (backend?: typeof one) =>
          runCall(gather.scatterAdd, params, [index, source], backend);
        expect(run(one)).toStrictEqual(run());
      }),
      { numRuns: 120 },
    );
  });

  it('sums in float64: the same bits as cpu, on several threads', () => {
    const params = { axis: 0, shape: [500, 96] };
    const tenths = { view: added.view, elements: added.elements.map((x) => x / 10) };
    const run = (backend?: typeof one) =>
      runCall(gather.scatterAdd, params, [lookups, tenths], backend);
    expect(run(two)).toStrictEqual(run());
  });

  it('cuts a long axis into ranges', () => {
    const index = {
      view: contiguousView([1000]),
      elements: Int32Array.from({ length: 1000 }, (_, i) => (i * 99_991) % 300_000),
    };
    const source = { view: contiguousView([1000]), elements: fill(new Float32Array(1000), 3) };
    const params = { axis: 0, shape: [300_000] };
    const run = (backend?: typeof one) =>
      runCall(gather.scatterAdd, params, [index, source], backend);
    expect(run(two)).toStrictEqual(run());
  });

  it('wraps int32 around', () => {
    const index = { view: contiguousView([3]), elements: new Int32Array([1, 1, 0]) };
    const source = { view: contiguousView([3]), elements: new Int32Array([2 ** 31 - 1, 2, -5]) };
    const run = (backend?: typeof one) =>
      runCall(gather.scatterAdd, { axis: 0, shape: [3] }, [index, source], backend);
    expect(run(one)).toStrictEqual(run());
  });

  it('refuses indices outside the axis', () => {
    const index = { view: contiguousView([1]), elements: new Int32Array([5]) };
    const source = { view: contiguousView([1]), elements: new Float32Array([1]) };
    const run = () => runCall(gather.scatterAdd, { axis: 0, shape: [5] }, [index, source], one);
    expect(run).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: scatterAdd: index 5 is outside axis 0 of [5]: indices along it are 0 to 4.]`,
    );
  });
});
