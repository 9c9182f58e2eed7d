// Walks over window positions and packs some windows at a time into a panel (implicit im2col).

import { plus } from '../kernel/addressing.ts';
import type { I32 } from '../assembler/code.ts';
import type { FunctionBuilder, Local } from '../assembler/function.ts';
import { i32 } from '../assembler/instructions.ts';
import type { Routine } from '../assembler/routine.ts';
import { v128 } from '../assembler/simd.ts';
import { columnOffset, positionRowBytes, type Field, type Pair, type Taps } from './field.ts';
import type { Routines } from '../kernel/kernel-code.ts';
import type { Tile } from '../product/tile.ts';

/**
 * Code that writes the distance of each tap (channel, row, column) from the first one, in bytes.
 *
 * @returns The address behind the table.
 */
export function writeTapTable(
  f: FunctionBuilder,
  field: Field,
  [vertical, horizontal]: Pair<Taps>,
  table: I32,
): I32 {
  const to = f.keep(table);
  const plane = f.local('i32', i32.const(0));
  f.for({ from: 0, to: field.planes.channels }, () => {
    const row = f.keep(plus(plane, (vertical.first - field.first[0]) * field.rowBytes));
    f.for({ from: 0, to: vertical.count }, () => {
      for (let k = 0; k < horizontal.count; k++) {
        const offset = columnOffset(field, horizontal.first + k * horizontal.step);
        f.emit(i32.store(to, plus(row, offset), 4 * k));
      }
      f.increase(to, 4 * horizontal.count);
      f.increase(row, vertical.step * field.rowBytes);
    });
    f.increase(plane, field.channelBytes);
  });
  return to;
}

/** Walks over the window positions of a band, row after row. */
export class PositionWalk {
  /** The address that the window reads first. */
  readonly at: Local<'i32'>;
  /** How many positions are left, the present one included. */
  readonly left: Local<'i32'>;
  readonly #column: Local<'i32'>;
  readonly #f: FunctionBuilder;
  readonly #columns: number;
  readonly #jump: number;

  constructor(f: FunctionBuilder, field: Field, columns: number) {
    this.#f = f;
    this.at = f.local('i32');
    this.left = f.local('i32');
    this.#column = f.local('i32');
    this.#columns = columns;
    this.#jump = positionRowBytes(field) - 4 * columns;
  }

  /** Goes to the first position. */
  restart(first: I32, positions: I32): void {
    this.#f.set(this.at, first);
    this.#f.set(this.left, positions);
    this.#f.set(this.#column, i32.const(0));
  }

  /** Whether `count` positions from here on lie in one row. */
  hasRun(count: number): I32 {
    return i32.le_u(plus(this.#column, count), i32.const(this.#columns));
  }

  /** Goes on by `count` positions, which lie in one row. */
  advance(count: number): void {
    this.#f.increase(this.at, 4 * count);
    this.#f.increase(this.#column, count);
    this.#f.increase(this.left, -count);
    this.#wrap();
  }

  /** Goes on by one position. On the last one it stays. */
  advanceOrStay(): void {
    this.#f.if(i32.gt_s(this.left, i32.const(1)), () => {
      this.advance(1);
    });
  }

  #wrap(): void {
    this.#f.if(i32.eq(this.#column, i32.const(this.#columns)), () => {
      this.#f.set(this.#column, i32.const(0));
      this.#f.increase(this.at, this.#jump);
    });
  }
}

/**
 * Code that packs the windows at the next positions, `[depth, columns]`, and walks past them. Behind the
 * last position, it packs that one again.
 *
 * @param table Address of the first of `depth` taps in the table.
 */
export function packWindows(
  f: FunctionBuilder,
  routines: Routines,
  { columns }: Tile,
  walk: PositionWalk,
  { to, table, depth }: { readonly to: I32; readonly table: I32; readonly depth: I32 },
): void {
  f.if(
    walk.hasRun(columns),
    () => {
      packRun(routines, columns, columns).call(f, { to, at: walk.at, table, depth });
      walk.advance(columns);
    },
    () => {
      f.for({ from: 0, to: 4 * columns, step: 16 }, (offset) => {
        const places = [0, 1, 2, 3].map(() => {
          const place = f.keep(walk.at);
          walk.advanceOrStay();
          return place;
        });
        const target = i32.add(to, offset);
        const span = i32.sub(places[3], places[0]);
        const isRepeated = i32.eq(places[2], places[3]);
        f.if(
          i32.and(i32.eq(span, i32.const(12)), i32.eqz(isRepeated)),
          () => {
            packRun(routines, 4, columns).call(f, { to: target, at: places[0], table, depth });
          },
          () => {
            const [a, b, c, d] = places;
            packApart(routines, columns).call(f, { to: target, a, b, c, d, table, depth });
          },
        );
      });
    },
  );
}

/** `at` is the address of the first of the neighbouring positions. */
const RUN = { to: 'i32', at: 'i32', table: 'i32', depth: 'i32' } as const;

/** Packs `width` neighbouring positions into a panel of `columns`. */
function packRun(routines: Routines, width: number, columns: number): Routine<typeof RUN> {
  return routines.get(`pack ${width} of ${columns} windows`, RUN, (f, { to, at, table, depth }) => {
    forEachTap(f, table, depth, (offset) => {
      const from = f.keep(i32.add(at, offset));
      for (let byte = 0; byte < 4 * width; byte += 16) {
        f.emit(v128.store(to, v128.load(from, byte), byte));
      }
      f.increase(to, 4 * columns);
    });
  });
}

/** `a`, `b`, `c` and `d` are the addresses of the positions. */
const APART = {
  to: 'i32',
  a: 'i32',
  b: 'i32',
  c: 'i32',
  d: 'i32',
  table: 'i32',
  depth: 'i32',
} as const;

/** Packs four positions that may lie apart into a panel of `columns`. */
function packApart(routines: Routines, columns: number): Routine<typeof APART> {
  return routines.get(
    `pack 4 of ${columns} apart`,
    APART,
    (f, { to, a, b, c, d, table, depth }) => {
      forEachTap(f, table, depth, (offset) => {
        const vector = f.keep(v128.load32_zero(i32.add(a, offset)));
        [b, c, d].forEach((place, i) => {
          f.set(vector, v128.load32_lane(i32.add(place, offset), vector, i + 1));
        });
        f.emit(v128.store(to, vector));
        f.increase(to, 4 * columns);
      });
    },
  );
}

function forEachTap(
  f: FunctionBuilder,
  table: I32,
  depth: I32,
  visit: (offset: Local<'i32'>) => void,
): void {
  const at = f.keep(table);
  const end = f.keep(i32.add(table, i32.shl(depth, i32.const(2))));
  f.loop((again) => {
    visit(f.keep(i32.load(at)));
    f.increase(at, 4);
    f.branchIf(i32.lt_u(at, end), again);
  });
}
