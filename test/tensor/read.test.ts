import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cpuBackend,
  setDefaultBackend,
  tensor,
  wasmBackend,
  type Backend,
  type Tensor,
} from '@tessera/tensor';

/** A backend that notes the ranges that are read from it, through either of its ways to read. */
function observed(real: Backend): { readonly backend: Backend; readonly ranges: unknown[] } {
  const ranges: unknown[] = [];
  const { readSync } = real;
  const backend = Object.assign(real, {
    readSync: (...[storage, range]: Parameters<Backend['readSync']>) => {
      ranges.push(range);
      return readSync(storage, range);
    },
  });
  return { backend, ranges };
}

/** A part of a matrix: its rows and columns, each from, to and step, and whether it is transposed. */
const part = fc
  .record({ rows: fc.integer({ min: 1, max: 6 }), columns: fc.integer({ min: 1, max: 6 }) })
  .chain(({ rows, columns }) =>
    fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      row: interval(rows),
      column: interval(columns),
      isTransposed: fc.boolean(),
    }),
  );

function interval(size: number): fc.Arbitrary<readonly [number, number]> {
  return fc
    .tuple(fc.integer({ min: 0, max: size }), fc.integer({ min: 0, max: size }))
    .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
}

describe.each([
  ['cpu', cpuBackend()],
  ['wasm', wasmBackend({ threads: 1 })],
])('reading on %s', (_name, real) => {
  const { backend, ranges } = observed(real);
  const matrix = (rows: number, columns: number): Tensor => {
    setDefaultBackend(backend);
    return tensor(
      Int32Array.from({ length: rows * columns }, (_, i) => i),
      {
        shape: [rows, columns],
      },
    );
  };

  it('asks for the elements of a view alone', async () => {
    ranges.length = 0;
    const x = matrix(1000, 100);
    expect(
      x
        .slice([
          [500, 501],
          [7, 8],
        ])
        .itemSync(),
    ).toBe(50_007);
    expect(
      await x
        .flip(0)
        .slice([
          [0, 2],
          [3, 5],
        ])
        .toArray(),
    ).toEqual([
      [99_903, 99_904],
      [99_803, 99_804],
    ]);
    expect(await x.slice([[3, 3]]).data()).toHaveLength(0);
    expect(ranges).toEqual([
      { begin: 50_007, end: 50_008 },
      { begin: 99_803, end: 99_905 },
      { begin: 0, end: 0 },
    ]);
  });

  it('gives every part of a matrix', async () => {
    await fc.assert(
      fc.asyncProperty(part, async ({ rows, columns, row, column, isTransposed }) => {
        const cut = matrix(rows, columns).slice([[...row], [...column]]);
        const expected: number[][] = [];
        for (let i = row[0]; i < row[1]; i++) {
          expected.push([]);
          for (let j = column[0]; j < column[1]; j++) expected.at(-1)?.push(i * columns + j);
        }
        const across = isTransposed
          ? Array.from({ length: column[1] - column[0] }, (_, j) => expected.map((line) => line[j]))
          : expected;
        const read = isTransposed ? cut.transpose() : cut;
        expect(await read.toArray()).toEqual(across);
        expect([...read.dataSync()]).toEqual(across.flat());
      }),
    );
  });
});
