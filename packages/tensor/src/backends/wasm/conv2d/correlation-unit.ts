// The code of one unit of a correlation: one band of one image and one group of channels.

import { atMost, least, plus, times } from '../kernel/addressing.ts';
import type { I32 } from '../assembler/code.ts';
import type { Local } from '../assembler/function.ts';
import { i32 } from '../assembler/instructions.ts';
import { copyRow, spreadRow, zeroRow } from '../kernel/copies.ts';
import type { Layout, ScratchPlaces } from './correlation-layout.ts';
import { THIN_ROWS, positionsAtATime, windowRowRoutine } from './thin-products.ts';
import { positionRowBytes } from './field.ts';
import type { PhaseBody } from '../kernel/kernel-code.ts';
import { productRoutine } from '../product/product.ts';
import { blockChannels, panelsOf, rowsOf, tapsOf, type Part } from './pack-weights.ts';
import { packWindows, type PositionWalk } from './windows.ts';

/** What the code of a unit has at hand. */
export interface Unit {
  readonly body: PhaseBody;
  readonly layout: Layout;
  readonly walk: PositionWalk;
  readonly places: ScratchPlaces;
  /** First row of positions. */
  readonly row: I32;
  /** Rows of positions. */
  readonly rows: I32;
  /** The address of the result of this image and group. */
  readonly result: I32;
}

/** Addresses of what is multiplied. */
interface Sources {
  /** The first window. */
  readonly window: I32;
  /** The taps. */
  readonly table: I32;
  /** The packed weights. */
  readonly weightsAt: I32;
}

/** Computes the products of one part and brings them to their places in the result. */
export function emitPart(unit: Unit, part: Part, sources: Sources): void {
  const { body, layout, places, rows: bandRows } = unit;
  const { f, scratch } = body;
  const { weights, grid, isSpread } = layout;
  const start = f.keep(
    isSpread ? plus(scratch, places.products) : i32.add(unit.result, times(unit.row, 4 * grid[1])),
  );
  const rowBytes = isSpread
    ? f.keep(times(bandRows, 4 * grid[1]))
    : i32.const(4 * grid[0] * grid[1]);
  const product = { unit, part, ...sources, to: start, rowBytes };
  if (rowsOf(weights, part) <= THIN_ROWS) multiplyRow(product);
  else multiplyBlocks(product, layout.readsField ? multiplyField : multiplyPacked);
  if (isSpread) spreadProducts(unit, part, start);
}

/** A product to be computed. */
interface Product extends Sources {
  readonly unit: Unit;
  readonly part: Part;
  readonly to: I32;
  /** Bytes from row to row of the product. */
  readonly rowBytes: I32;
}

/** Few rows: some neighbouring positions at a time, straight from the field. */
function multiplyRow({ unit, part, window, table, weightsAt, to, rowBytes }: Product): void {
  const { body, layout, places } = unit;
  const { f, routines, scratch } = body;
  const { weights, grid, field } = layout;
  const rows = rowsOf(weights, part);
  const positions = positionsAtATime(grid[1]);
  const routine = windowRowRoutine(routines, layout.tile, rows, positions);
  const depth = i32.const(tapsOf(weights, part));
  const sums = f.keep(plus(scratch, places.edge));
  const line = f.keep(window);
  const target = f.keep(to);
  f.for({ from: 0, to: unit.rows }, () => {
    f.for({ from: 0, to: grid[1], step: positions }, (column) => {
      const bytes = f.keep(times(column, 4));
      const rest = f.keep(i32.sub(i32.const(grid[1]), column));
      const count = f.keep(atMost(rest, positions));
      routine.call(f, { a: weightsAt, at: i32.add(line, bytes), table, depth, c: sums });
      for (let row = 0; row < rows; row++) {
        const end = i32.add(i32.add(target, bytes), row === 0 ? i32.const(0) : rowBytes);
        const from = plus(sums, 4 * positions * row);
        copyRow(routines).call(f, { to: end, from, count });
      }
    });
    f.increase(line, positionRowBytes(field));
    f.increase(target, 4 * grid[1]);
  });
}

/** What the products of some channels of the weights with their windows have in common. */
interface Block {
  readonly a: I32;
  readonly rows: I32;
  readonly depth: I32;
  readonly rowBytes: I32;
  readonly adds: I32;
  readonly scratch: I32;
  /** Address of the first of the taps of these channels. */
  readonly offsets: I32;
}

/** Many rows: some channels at a time, so that what is multiplied stays in the cache. */
function multiplyBlocks(
  { unit, part, table, weightsAt, to, rowBytes, window }: Product,
  multiply: (unit: Unit, window: I32, to: Local<'i32'>, block: Block) => void,
): void {
  const { body, layout, places } = unit;
  const { f } = body;
  const { weights, tile } = layout;
  const rows = i32.const(rowsOf(weights, part));
  const taps = tapsOf(weights, part) / weights.channels;
  const channelsAtATime = blockChannels(weights, part);
  const a = f.keep(weightsAt);
  const offsets = f.keep(table);
  const scratch = f.keep(plus(body.scratch, places.edge));
  f.for({ from: 0, to: weights.channels, step: channelsAtATime }, (adds) => {
    const rest = f.keep(i32.sub(i32.const(weights.channels), adds));
    const depth = f.keep(times(atMost(rest, channelsAtATime), taps));
    multiply(unit, window, f.keep(to), { a, rows, depth, rowBytes, adds, scratch, offsets });
    f.increase(a, times(depth, 4 * tile.rows * panelsOf(tile, weights, part)));
    f.increase(offsets, times(depth, 4));
  });
}

/** Tiles read neighbouring positions from the field as it lies. */
function multiplyField(
  { body, layout, rows }: Unit,
  window: I32,
  c: Local<'i32'>,
  block: Block,
): void {
  const { f, routines } = body;
  const { grid, field, tile } = layout;
  const columns = i32.const(grid[1]);
  const b = f.keep(window);
  f.for({ from: 0, to: rows }, () => {
    productRoutine(routines, tile, 'scattered').call(f, { ...block, b, columns, c });
    f.increase(b, positionRowBytes(field));
    f.increase(c, 4 * grid[1]);
  });
}

/** Some positions at a time are packed, and then multiplied with all rows. */
function multiplyPacked(
  { body, layout, walk, places, rows }: Unit,
  window: I32,
  c: Local<'i32'>,
  block: Block,
): void {
  const { f, routines, scratch } = body;
  const { grid, tile } = layout;
  const positions = f.keep(times(rows, grid[1]));
  const b = f.keep(plus(scratch, places.panel));
  walk.restart(window, positions);
  f.while(
    () => i32.gt_s(positions, i32.const(0)),
    () => {
      packWindows(f, routines, tile, walk, { to: b, table: block.offsets, depth: block.depth });
      const columns = atMost(positions, tile.columns);
      productRoutine(routines, tile).call(f, { ...block, b, columns, c });
      f.increase(c, 4 * tile.columns);
      f.increase(positions, -tile.columns);
    },
  );
}

/** Brings the products of a part, `[channel, phase, phase, position]`, to their places in the result. */
function spreadProducts(unit: Unit, part: Part, products: I32): void {
  const { body, layout, row, rows, result } = unit;
  const { f, routines } = body;
  const { spread, grid } = layout;
  const [channels, height, width] = layout.result;
  const [vertical, horizontal] = part.axes;
  const from = f.keep(products);
  const plane = f.keep(result);
  f.for({ from: 0, to: channels }, () => {
    f.for({ from: vertical.phase, to: vertical.phase + vertical.phases }, (phaseY) => {
      f.for({ from: horizontal.phase, to: horizontal.phase + horizontal.phases }, (phaseX) => {
        const count = f.keep(
          i32.div_u(i32.sub(i32.const(width + spread[1] - 1), phaseX), i32.const(spread[1])),
        );
        f.for({ from: 0, to: rows }, (i) => {
          const y = f.keep(i32.add(times(i32.add(row, i), spread[0]), phaseY));
          f.if(i32.lt_u(y, i32.const(height)), () => {
            const to = i32.add(plane, times(i32.add(times(y, width), phaseX), 4));
            const step = i32.const(4 * spread[1]);
            spreadRow(routines).call(f, { to, from, count, step });
          });
          f.increase(from, 4 * grid[1]);
        });
      });
    });
    f.increase(plane, 4 * height * width);
  });
}

/** The elements of the band in each channel of the result: the first, and how many. */
export function resultOf({ body, layout, row, rows }: Unit): {
  readonly column: I32;
  readonly columns: I32;
} {
  const { f } = body;
  const { spread } = layout;
  const [, height, width] = layout.result;
  const first = f.keep(times(row, spread[0]));
  const rest = f.keep(i32.sub(i32.const(height), first));
  const wanted = f.keep(times(rows, spread[0]));
  const count = least(wanted, rest);
  return { column: f.keep(times(first, width)), columns: f.keep(times(count, width)) };
}

/** Sets the elements of the band in the result to 0. */
export function zeroBand(unit: Unit): void {
  const { f, routines } = unit.body;
  const [channels, height, width] = unit.layout.result;
  const { column, columns } = resultOf(unit);
  const plane = f.keep(i32.add(unit.result, times(column, 4)));
  f.for({ from: 0, to: channels }, () => {
    zeroRow(routines).call(f, { to: plane, count: columns });
    f.increase(plane, 4 * height * width);
  });
}
