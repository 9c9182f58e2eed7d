import { describe, expect, it } from 'vitest';
import { loops } from '../../../../packages/tensor/src/backends/cpu/loops.ts';
import {
  allocateArray,
  type DType,
  type TypedArray,
} from '../../../../packages/tensor/src/dtype.ts';
import {
  pointwise,
  type PointwiseParams,
} from '../../../../packages/tensor/src/primitives/pointwise.ts';
import type {
  Params,
  PointwisePrimitive,
} from '../../../../packages/tensor/src/primitives/primitive.ts';

const special: Readonly<Record<DType, readonly number[]>> = {
  float32: [0, -0, 1, -1, 0.5, -2.75, 3, 100, -100, 1e-40, 3e38, 3e9, Infinity, -Infinity, NaN],
  int32: [0, 1, -1, 7, -12, 65536, 2 ** 31 - 1, -(2 ** 31)],
  bool: [0, 1],
};

/** Every way to choose one element of each list, as one operand array a list. */
function combinations(dtypes: readonly DType[]): TypedArray[] {
  const total = dtypes.reduce((n, dtype) => n * special[dtype].length, 1);
  let repeat = total;
  return dtypes.map((dtype) => {
    const values = special[dtype];
    repeat /= values.length;
    const operand = allocateArray(dtype, total);
    for (let i = 0; i < total; i++) operand[i] = values[Math.floor(i / repeat) % values.length];
    return operand;
  });
}

interface Case {
  readonly name: keyof PointwiseParams;
  readonly dtypes: readonly DType[];
  readonly params: Params;
}

const dtypes: readonly DType[] = ['float32', 'int32', 'bool'];
const operands: Readonly<Record<keyof PointwiseParams, number>> = {
  neg: 1,
  exp: 1,
  log: 1,
  sqrt: 1,
  sin: 1,
  cos: 1,
  tanh: 1,
  sigmoid: 1,
  erf: 1,
  floor: 1,
  cast: 1,
  add: 2,
  sub: 2,
  mul: 2,
  div: 2,
  pow: 2,
  maximum: 2,
  less: 2,
  lessEqual: 2,
  equal: 2,
  where: 3,
};

/** Whether the primitive takes operands of these dtypes. */
function takes(primitive: PointwisePrimitive, list: readonly DType[], params: Params): boolean {
  try {
    primitive.infer(
      list.map((dtype) => ({ shape: [], dtype })),
      params,
    );
    return true;
  } catch {
    return false;
  }
}

const cases = Object.entries(operands).flatMap(([key, count]): Case[] => {
  const name = key as keyof PointwiseParams;
  const params: Params[] = name === 'cast' ? dtypes.map((dtype) => ({ dtype })) : [{}];
  const lists = dtypes.map((dtype): DType[] =>
    name === 'where' ? ['bool', dtype, dtype] : new Array<DType>(count).fill(dtype),
  );
  return lists
    .flatMap((list) => params.map((param) => ({ name, dtypes: list, params: param })))
    .filter((test) => takes(pointwise[name] as PointwisePrimitive, test.dtypes, test.params));
});

describe('loops', () => {
  it('has cases for every primitive', () => {
    expect(new Set(cases.map(({ name }) => name))).toEqual(new Set(Object.keys(pointwise)));
  });

  it.each(cases)('$name of $dtypes $params is its definition, rounded', (test) => {
    const primitive = pointwise[test.name] as PointwisePrimitive;
    const [a, b, c] = combinations(test.dtypes);
    const [{ dtype }] = primitive.infer(
      test.dtypes.map((operand) => ({ shape: [], dtype: operand })),
      test.params,
    );
    const out = allocateArray(dtype, a.length);
    const defined = allocateArray(dtype, a.length);
    for (let i = 0; i < a.length; i++) {
      const values = [a, b, c].slice(0, test.dtypes.length).map((operand) => operand[i]);
      defined[i] = primitive.scalar(values, test.params, dtype);
    }
    loops[test.name](out, a.length, a, b ?? a, c ?? a);
    expect(out).toStrictEqual(defined);
  });

  it('leaves the elements after n alone', () => {
    const out = new Float32Array([9, 9, 9]);
    loops.neg(out, 2, new Float32Array([1, 2, 3]), out, out);
    expect(out).toEqual(new Float32Array([-1, -2, 9]));
  });
});
