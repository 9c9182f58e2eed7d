// Where the rows along an axis lie in memory, and which way to put them into vectors.

import type { CallKernel } from '../../../plan/kernel.ts';
import { plus } from '../kernel/addressing.ts';
import type { I32, Statement, V128 } from '../assembler/code.ts';
import { v128 } from '../assembler/simd.ts';
import { collapse, countOf, type Dimension, type View } from '../../../array/view.ts';

/** The address `address + offset`, in bytes; the offset may be negative. */
export interface Place {
  readonly address: I32;
  readonly offset: number;
}

/** How the rows of one operand are read or written. */
export interface RowAccess {
  /** The dimensions that units count through. */
  readonly rest: Pick<View, 'shape' | 'strides'>;
  /** Elements from lane to lane. */
  readonly lane: number;
  /** Elements from step to step. */
  readonly step: number;
  /** Elements from element to element of a row. */
  readonly element: number;
  /** How many lanes differ. Later lanes repeat the last of these. */
  readonly lanes: number;
}

/** How the rows of a kernel are cut into units, and the units into vectors. */
export interface AxisLayout {
  readonly inputs: readonly RowAccess[];
  readonly output: RowAccess;
  readonly units: number;
  /** Elements of a row. */
  readonly size: number;
  /** Vectors of a unit: the steps of the loop over a row. */
  readonly steps: number;
  /** Elements that are left after the steps. They go into a vector that overlaps the one before. */
  readonly tail: number;
  /**
   * Where a unit is four neighbouring rows: how many units a line of rows has, and where the last one
   * begins; else `null`.
   */
  readonly groups: { readonly count: number; readonly last: number } | null;
}

/** How to walk the rows of `kernel` along `axis`. */
export function axisLayout({ inputs, outputs: [output] }: CallKernel, axis: number): AxisLayout {
  const { shape } = inputs[0].view;
  const size = shape[axis];
  const strides = [
    ...inputs.map(({ view }) => view.strides),
    outputStrides(output.view, axis, shape.length),
  ];
  const along = strides.map((each) => each[axis]);
  const withoutAxis = <T>(list: readonly T[]): T[] => list.filter((_, i) => i !== axis);
  const others = collapse(withoutAxis(shape), strides.map(withoutAxis));
  const inner = others.at(-1) ?? { size: 1, strides: along.map(() => 0) };
  const isFast = (stride: number): boolean => stride === 0 || stride === 1;
  const fastAlong = along.filter(isFast).length;
  const fastAcross = inner.size < 4 ? 0 : inner.strides.filter(isFast).length;
  const access = (
    dimensions: readonly Dimension[],
    i: number,
    rest: Omit<RowAccess, 'rest' | 'element'>,
  ): RowAccess => ({
    rest: {
      shape: dimensions.map((each) => each.size),
      strides: dimensions.map((each) => each.strides[i]),
    },
    element: along[i],
    ...rest,
  });
  if (size >= 4 && fastAlong >= fastAcross) {
    const accesses = along.map((stride, i) =>
      access(others, i, { lane: stride, step: 4 * stride, lanes: 4 }),
    );
    const steps = Math.floor(size / 4);
    return {
      ...split(accesses),
      units: countOf(others),
      size,
      steps,
      tail: size % 4,
      groups: null,
    };
  }
  const outer = others.slice(0, -1);
  const lanes = Math.min(4, inner.size);
  const accesses = along.map((stride, i) =>
    access(outer, i, { lane: inner.strides[i], step: stride, lanes }),
  );
  const count = Math.ceil(inner.size / 4);
  return {
    ...split(accesses),
    units: inner.size === 0 ? 0 : countOf(outer) * count,
    size,
    steps: size,
    tail: 0,
    groups: { count, last: Math.max(0, inner.size - 4) },
  };
}

/** Four elements of an operand. */
export function loadFour({ lane, lanes }: RowAccess, place: Place): V128 {
  if (lane === 0 || lanes === 1) return at(place, 0, v128.load32_splat);
  if (lane === 1 && lanes === 4) return at(place, 0, v128.load);
  let vector = at(place, 0, v128.load32_splat);
  for (let i = 1; i < 4; i++) {
    const before = vector;
    vector = at(place, 4 * lane * Math.min(i, lanes - 1), (address, offset) =>
      v128.load32_lane(address, before, i, offset),
    );
  }
  return vector;
}

/** Writes four elements of an operand. Where they lie apart, `vector` is computed once for each. */
export function storeFour({ lane, lanes }: RowAccess, place: Place, vector: V128): Statement[] {
  if (lane === 1 && lanes === 4) {
    return [at(place, 0, (address, offset) => v128.store(address, vector, offset))];
  }
  return Array.from({ length: lanes }, (_, i) =>
    at(place, 4 * lane * i, (address, offset) => v128.store32_lane(address, vector, i, offset)),
  );
}

/** Accesses the place that is `more` bytes further on. */
function at<R>(
  { address, offset }: Place,
  more: number,
  instruction: (address: I32, offset: number) => R,
): R {
  const bytes = offset + more;
  return bytes < 0 ? instruction(plus(address, bytes), 0) : instruction(address, bytes);
}

/** The strides of the output for every dimension of the inputs: 0 for the axis, if the output lacks it. */
function outputStrides({ strides }: View, axis: number, rank: number): readonly number[] {
  return strides.length === rank ? strides : [...strides.slice(0, axis), 0, ...strides.slice(axis)];
}

function split(accesses: readonly RowAccess[]): Pick<AxisLayout, 'inputs' | 'output'> {
  return { inputs: accesses.slice(0, -1), output: accesses[accesses.length - 1] };
}
