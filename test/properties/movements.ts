import fc from 'fast-check';
import { sizeOf, tensor, type Tensor } from '@tessera/tensor';

/** A movement that fits the tensor it was made for. */
export interface NamedMovement {
  readonly name: string;
  apply(x: Tensor): Tensor;
}

/** Random numbers that decide one movement. */
export type Pick = readonly [kind: number, a: number, b: number, c: number];

/** The movements that `picks` choose for `x` and its successors. */
export function movements(x: Tensor, picks: readonly Pick[]): NamedMovement[] {
  const chain: NamedMovement[] = [];
  let value = x;
  for (const pick of picks) {
    const movement = choose(value, pick);
    chain.push(movement);
    value = movement.apply(value);
  }
  return chain;
}

function choose(x: Tensor, [kind, a, b, c]: Pick): NamedMovement {
  const { rank, shape } = x;
  if (rank === 0 || kind === 0) {
    const axis = a % (rank + 1);
    return { name: `unsqueeze ${axis}`, apply: (y) => y.unsqueeze(axis) };
  }
  const axis = a % rank;
  const n = shape[axis];
  switch (kind) {
    case 1:
      return { name: `transpose ${axis} ${b % rank}`, apply: (y) => y.transpose(axis, b % rank) };
    case 2:
      return { name: `flip ${axis}`, apply: (y) => y.flip(axis) };
    case 3: {
      const step = [1, 2, -1, -2][b % 4];
      const start = n === 0 ? 0 : c % n;
      const range = step > 0 ? [start, null, step] : [null, start, step];
      return {
        name: `slice ${axis} [${range.join()}]`,
        apply: (y) =>
          y.slice(shape.map((_, i) => (i === axis ? (range as [number, null, number]) : null))),
      };
    }
    case 4:
      return { name: 'reshape flat', apply: (y) => y.flatten() };
    case 5: {
      const divisor = [2, 3, 1].find((d) => n % d === 0 && n > 0) ?? 1;
      const target = [...shape.slice(0, axis), divisor, n / divisor, ...shape.slice(axis + 1)];
      return { name: `reshape ${target.join()}`, apply: (y) => y.reshape(target) };
    }
    default: {
      if (n !== 1 || sizeOf(shape) > 200) return { name: 'nothing', apply: (y) => y };
      const target = shape.map((m, i) => (i === axis ? 1 + (b % 3) : m));
      return { name: `expand ${target.join()}`, apply: (y) => y.expand(target) };
    }
  }
}

const shape = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });

const anyTensor = shape.map((sizes) =>
  tensor(
    Float32Array.from({ length: sizeOf(sizes) }, (_, i) => i + 1),
    { shape: sizes },
  ),
);

const pick: fc.Arbitrary<Pick> = fc.tuple(
  fc.integer({ min: 0, max: 6 }),
  fc.nat(20),
  fc.nat(20),
  fc.nat(20),
);

/** Small tensors of distinct values, and chains of movements on them. */
export const small: {
  readonly shape: fc.Arbitrary<number[]>;
  readonly tensor: fc.Arbitrary<Tensor>;
  readonly chain: fc.Arbitrary<{ x: Tensor; picks: Pick[] }>;
} = {
  shape,
  tensor: anyTensor,
  chain: fc.record({ x: anyTensor, picks: fc.array(pick, { maxLength: 6 }) }),
};
