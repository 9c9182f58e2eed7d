import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gather } from '../../../../packages/tensor/src/primitives/gather.ts';
import { sizeOf } from '../../../../packages/tensor/src/array/shape.ts';
import { contiguousView } from '../../../../packages/tensor/src/array/view.ts';
import { elementsOf, indexOf, inputOf, placeOf, runCall, type Input } from './kernel-runs.ts';

interface Case {
  readonly axis: number;
  readonly x: Input;
  /** Of x along the axis, no larger than x elsewhere. */
  readonly index: Input;
  /** Of the shape of `index`. */
  readonly source: Input;
}

/** Indexed reads and writes of any rank and axis, all operands with any views. */
const cases: fc.Arbitrary<Case> = fc
  .tuple(
    fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
    fc.nat(),
    fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 3, maxLength: 3 }),
    fc.constantFrom('float32' as const, 'int32' as const),
  )
  .chain(([shape, axisSeed, limits, dtype]) => {
    const axis = axisSeed % shape.length;
    const indexShape = shape.map((n, i) => (i === axis ? limits[i] : Math.min(n, limits[i])));
    return fc.record({
      axis: fc.constant(axis),
      x: inputOf(shape, dtype),
      index: inputOf(indexShape, 'int32').map((index) => ({
        view: index.view,
        elements: index.elements.map((i) => Math.abs(i) % shape[axis]),
      })),
      source: inputOf(indexShape, dtype),
    });
  });

/** For each element of `index`: the index in x to which it points. */
function targets({ axis, index }: Case): number[][] {
  return elementsOf(index).map((target, flat) => {
    return indexOf(index.view.shape, flat).map((i, d) => (d === axis ? target : i));
  });
}

describe('gather', () => {
  it('reads where the indices point', () => {
    fc.assert(
      fc.property(cases, (test) => {
        const { axis, x, index } = test;
        const expected = targets(test).map((at) => x.elements[placeOf(x.view, at)]);
        const { elements } = runCall(gather.gather, { axis }, [x, index]);
        expect(Array.from(elements)).toStrictEqual(expected);
      }),
    );
  });

  it('refuses indices outside the axis', () => {
    const x = { view: contiguousView([2, 3]), elements: new Float32Array(6) };
    const at = (i: number): Input => ({
      view: contiguousView([1, 1]),
      elements: new Int32Array([i]),
    });
    const run = (i: number) => () => runCall(gather.gather, { axis: 1 }, [x, at(i)]);
    expect(run(3)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: gather: index 3 is outside axis 1 of [2, 3]: indices along it are 0 to 2. Ids of embedding and crossEntropy are such indices.]`,
    );
    expect(run(-1)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: gather: index -1 is outside axis 1 of [2, 3]: indices along it are 0 to 2. Ids of embedding and crossEntropy are such indices.]`,
    );
  });
});

describe('scatterAdd', () => {
  it('adds where the indices point', () => {
    fc.assert(
      fc.property(cases, (test) => {
        const { axis, x, index, source } = test;
        const { shape } = x.view;
        const expected = new Array<number>(sizeOf(shape)).fill(0);
        const added = elementsOf(source);
        targets(test).forEach((at, i) => {
          expected[placeOf(contiguousView(shape), at)] += added[i];
        });
        const { elements } = runCall(gather.scatterAdd, { axis, shape }, [index, source]);
        expect(Array.from(elements)).toEqual(expected);
      }),
    );
  });

  it('refuses indices outside the axis', () => {
    const index = { view: contiguousView([1]), elements: new Int32Array([5]) };
    const source = { view: contiguousView([1]), elements: new Float32Array([1]) };
    const run = () => runCall(gather.scatterAdd, { axis: 0, shape: [5] }, [index, source]);
    expect(run).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: scatterAdd: index 5 is outside axis 0 of [5]: indices along it are 0 to 4.]`,
    );
  });
});
