// Writes a finished panel of queries back as rows of the result.

import { plus, times } from '../kernel/addressing.ts';
import type { FunctionBuilder } from '../assembler/function.ts';
import { f32, i32 } from '../assembler/instructions.ts';
import type { ParameterLocals, Routine } from '../assembler/routine.ts';
import { f32x4, v128 } from '../assembler/simd.ts';
import { FACTORS } from './attention-panel.ts';
import type { Routines } from '../kernel/kernel-code.ts';
import { transpose4 } from '../product/packing.ts';
import { vectorsOf, rowBytesOf, type PanelWidth } from './panel-product.ts';

const WRITE_ROWS = {
  /** Address of the panel. */
  panel: 'i32',
  columns: 'i32',
  /** Address of the state, which holds the factors. */
  state: 'i32',
  /** Queries of the panel that exist. */
  queries: 'i32',
  /** Address of the first row. The others follow it without gaps. */
  to: 'i32',
} as const;

/**
 * Multiplies a panel `[columns, width]` by the factors of its queries, and writes it as rows
 * `[queries, columns]`.
 */
export function writeRowsRoutine(
  routines: Routines,
  width: PanelWidth,
): Routine<typeof WRITE_ROWS> {
  const offsets = vectorsOf(width);
  const rowBytes = rowBytesOf(width);
  return routines.get(
    `write rows of ${width}`,
    WRITE_ROWS,
    (f, { panel, columns, state, queries, to }) => {
      const nextRow = f.keep(times(columns, 4));
      const done = f.local('i32');
      f.if(i32.eq(queries, i32.const(width)), () => {
        const factors = offsets.map((offset) => f.keep(v128.load(state, FACTORS + offset)));
        const from = f.keep(panel);
        f.while(
          () => i32.le_u(plus(done, 4), columns),
          () => {
            const row = f.keep(i32.add(to, times(done, 4)));
            offsets.forEach((offset, i) => {
              const vectors = [0, 1, 2, 3].map((j) =>
                f.keep(f32x4.mul(v128.load(from, rowBytes * j + offset), factors[i])),
              );
              for (const vector of transpose4(f, vectors)) {
                f.emit(v128.store(row, vector));
                f.increase(row, nextRow);
              }
            });
            f.increase(from, 4 * rowBytes);
            f.increase(done, 4);
          },
        );
      });
      writeOneByOne(f, rowBytes, { panel, columns, state, queries, to, first: done });
    },
  );
}

/** Writes the columns from `first` on. */
function writeOneByOne(
  f: FunctionBuilder,
  rowBytes: number,
  rows: ParameterLocals<typeof WRITE_ROWS & { readonly first: 'i32' }>,
): void {
  const { panel, columns, state, queries, to, first } = rows;
  f.for({ from: 0, to: queries }, (query) => {
    const bytes = f.keep(times(query, 4));
    const factor = f.keep(f32.load(i32.add(state, bytes), FACTORS));
    const from = f.keep(i32.add(i32.add(panel, times(first, rowBytes)), bytes));
    const element = f.keep(i32.add(to, times(i32.add(i32.mul(query, columns), first), 4)));
    f.for({ from: first, to: columns }, () => {
      f.emit(f32.store(element, f32.mul(f32.load(from), factor)));
      f.increase(from, rowBytes);
      f.increase(element, 4);
    });
  });
}
