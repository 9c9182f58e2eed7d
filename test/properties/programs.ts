import { move, movements, type Movement } from '@tessera/autograd/testing';
import fc from 'fast-check';
import {
  arange,
  broadcastShapes,
  concat,
  indexSelect,
  layerNorm,
  matmul,
  normal,
  key,
  ones,
  sizeOf,
  softmax,
  type Tensor,
} from '@tessera/tensor';
import { apply, primitives } from '@tessera/tensor/extend';

/** Random numbers that decide one step of a program. */
export type Step = readonly [kind: number, a: number, b: number, axis: number, view: Movement];

/** Steps of a random program, to be run by {@link runProgram}. */
export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 15 }), fc.nat(100), fc.nat(100), fc.nat(20), movements),
  { minLength: 1, maxLength: 14 },
);

/** Three inputs on which random programs start. */
export function programInputs(seed: number): Tensor[] {
  return [[3, 4], [4], [2, 3, 4]].map((shape, i) => normal(key(3 * seed + i), shape));
}

/** Runs a program that its steps choose: every step combines earlier values. Gives all values that nobody used. */
export function runProgram(inputs: readonly Tensor[], program: readonly Step[]): Tensor[] {
  const values = [...inputs];
  const used = new Set<Tensor>();
  const take = (index: number): Tensor => {
    const value = values[index % values.length];
    used.add(value);
    return value;
  };
  for (const [kind, a, b, axis, view] of program) {
    const x = take(a);
    values.push(step(kind, x, () => take(b), axis, view));
  }
  return values.filter((value, i) => i >= inputs.length && !used.has(value));
}

function step(kind: number, x: Tensor, other: () => Tensor, axis: number, view: Movement): Tensor {
  switch (kind) {
    case 0:
      return x.tanh();
    case 1:
      return x.mul(0.5).add(1);
    case 2:
    case 3: {
      const y = other();
      return broadcasts(x, y) && x.size * y.size < 5000
        ? kind === 2
          ? x.add(y)
          : x.mul(y).sin()
        : x.neg();
    }
    case 4:
      return x.rank === 0 ? x.cos() : x.sum(axis % x.rank);
    case 5:
      return x.rank === 0 || x.size === 0
        ? x.cos()
        : x.sub(x.max(axis % x.rank, { keepDims: true }));
    case 6: {
      const y = other();
      const fits =
        x.rank >= 2 &&
        y.rank === x.rank &&
        x.shape.slice(0, -1).join() === y.shape.slice(0, -1).join();
      return fits ? matmul(x.transpose(), y) : x.sigmoid();
    }
    case 7:
      return x.rank === 0 || x.size === 0
        ? x.abs()
        : axis % 2 === 0
          ? softmax(x)
          : layerNorm(x, { eps: 1e-3 });
    case 8:
      return x.rank === 0 ? x.square() : concat([x, x.neg()], axis % x.rank);
    case 11: {
      const y = other();
      return broadcasts(x, y) && x.size * y.size < 5000 ? x.greater(0).where(x, y) : x.relu();
    }
    case 12:
      return x.rank === 0 ? x.floor() : x.pad(x.shape.map((_, i) => [i % 2, axis % 2]));
    case 13: {
      if (x.rank === 0 || x.size === 0) return x.abs();
      const at = axis % x.rank;
      const ids = arange(2)
        .mul(axis)
        .add(1)
        .minimum(x.shape[at] - 1);
      return indexSelect(x, ids, at);
    }
    case 14:
      return x.mul(4).cast('int32').mul(3).cast('float32').div(12);
    case 15:
      return x.rank < 2 ? ones([2]).mul(x.sum()) : matmul(x, ones([x.shape[x.rank - 1], 2]));
    case 9:
      return apply(primitives.barrier, [x], {})[0];
    default:
      return move(x, view);
  }
}

function broadcasts(x: Tensor, y: Tensor): boolean {
  try {
    return sizeOf(broadcastShapes('test', x.shape, y.shape)) >= 0;
  } catch {
    return false;
  }
}
