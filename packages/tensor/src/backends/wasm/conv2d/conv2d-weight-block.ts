// The work of the weight gradient on one block of window positions: pack, multiply, add.

import { atMost, plus, times } from '../kernel/addressing.ts';
import type { I32 } from '../assembler/code.ts';
import { f32, i32, select } from '../assembler/instructions.ts';
import type { Layout, ScratchPlaces } from './conv2d-weight-layout.ts';
import { collectRow } from '../kernel/copies.ts';
import { SUMMED_TAPS, tapSumsRoutine } from './thin-products.ts';
import { positionRowBytes, readField } from './field.ts';
import type { PhaseBody } from '../kernel/kernel-code.ts';
import { packPanel, type PanelStrides } from '../product/packing.ts';
import { productRoutine, rightBytes } from '../product/product.ts';
import { packTaps } from './taps.ts';

/** A block of positions, ready to be multiplied. */
export interface Block {
  readonly body: PhaseBody;
  readonly layout: Layout;
  readonly places: ScratchPlaces;
  readonly group: I32;
  /** The first image, and how many there are. */
  readonly image: I32;
  readonly images: I32;
  /** The first row of positions, and how many there are. */
  readonly row: I32;
  readonly rows: I32;
  /** Positions. */
  readonly depth: I32;
}

/** Packs ȳ as the left operand. A panel has some channels; its depth is the positions of all images. */
export function packCotangent({
  body,
  layout,
  places,
  group,
  image,
  images,
  row,
  rows,
}: Block): void {
  const { f, scratch, inputs } = body;
  const {
    grid,
    tile,
    strides: [channelStride, rowStride, columnStride],
  } = layout;
  const isMerged = rowStride === grid[1] * columnStride || grid[0] === 1;
  const strides: PanelStrides = { row: channelStride, step: columnStride };
  const first = i32.add(times(group, 4 * layout.groupStrides[1]), times(row, 4 * rowStride));
  const base = f.keep(i32.add(inputs[1], i32.add(times(image, 4 * layout.imageStrides[1]), first)));
  const to = f.keep(plus(scratch, places.left));
  const left = f.keep(i32.const(layout.rows));
  f.while(
    () => i32.gt_s(left, i32.const(0)),
    () => {
      const present = f.keep(atMost(left, tile.rows));
      const plane = f.keep(base);
      f.for({ from: 0, to: images }, () => {
        const line = f.keep(plane);
        const steps = isMerged ? times(rows, grid[1]) : i32.const(grid[1]);
        f.for({ from: 0, to: isMerged ? 1 : rows }, () => {
          packPanel(body, tile.rows, { to, from: line, depth: steps, rows: present, strides });
          f.increase(to, times(steps, 4 * tile.rows));
          f.increase(line, 4 * rowStride);
        });
        f.increase(plane, 4 * layout.imageStrides[1]);
      });
      f.increase(base, 4 * tile.rows * channelStride);
      f.increase(left, -tile.rows);
    },
  );
}

/** Makes the field of each image ready and notes where its first window lies. */
export function readImages({ body, layout, places, group, image, images, row }: Block): void {
  const { f, routines, scratch, inputs } = body;
  const { field, imageStrides, groupStrides } = layout;
  const plane = f.keep(
    i32.add(
      inputs[0],
      i32.add(times(image, 4 * imageStrides[0]), times(group, 4 * groupStrides[0])),
    ),
  );
  const copy = f.keep(plus(scratch, places.copies));
  const start = f.keep(plus(scratch, places.starts));
  f.for({ from: 0, to: images }, () => {
    const window = readField(f, routines, field, { image: plane, row, copy });
    f.emit(i32.store(start, window));
    f.increase(start, 4);
    f.increase(copy, field.bytes);
    f.increase(plane, 4 * imageStrides[0]);
  });
}

/** Adds the product of a block to the sum at `to`, one panel of taps after the other. */
export function multiply(block: Block, to: I32, table: I32, adds: I32): void {
  const { body, layout, places, images, rows, depth } = block;
  const { f, routines, scratch } = body;
  const { columns, grid, field, tile } = layout;
  const right = f.keep(plus(scratch, places.right));
  const left = f.keep(i32.const(columns));
  const c = f.keep(to);
  const taps = f.keep(table);
  f.while(
    () => i32.gt_s(left, i32.const(0)),
    () => {
      const panel = f.keep(right);
      const start = f.keep(plus(scratch, places.starts));
      f.for({ from: 0, to: images }, () => {
        const line = f.keep(i32.load(start));
        f.for({ from: 0, to: rows }, () => {
          const positions = i32.const(grid[1]);
          const run = { to: panel, window: line, table: taps, positions };
          packTaps(routines, tile.columns, grid[1]).call(f, run);
          f.increase(panel, rightBytes(tile, 1, grid[1]));
          f.increase(line, positionRowBytes(field));
        });
        f.increase(start, 4);
      });
      productRoutine(routines, tile).call(f, {
        a: plus(scratch, places.left),
        rows: i32.const(layout.rows),
        b: right,
        offsets: i32.const(0),
        columns: atMost(left, tile.columns),
        depth,
        c,
        rowBytes: i32.const(4 * columns),
        adds,
        scratch: plus(scratch, places.edge),
      });
      f.increase(c, 4 * tile.columns);
      f.increase(taps, 4 * tile.columns);
      f.increase(left, -tile.columns);
    },
  );
}

/** Copies ȳ so that its rows lie one after the other, channel after channel. */
export function copyCotangent(block: Block): void {
  const { body, layout, places, group, image, images, row, rows } = block;
  const { f, routines, scratch, inputs } = body;
  const { grid, strides, imageStrides, groupStrides } = layout;
  const first = i32.add(times(group, 4 * groupStrides[1]), times(row, 4 * strides[1]));
  const channel = f.keep(i32.add(inputs[1], i32.add(times(image, 4 * imageStrides[1]), first)));
  const to = f.keep(plus(scratch, places.left));
  f.for({ from: 0, to: layout.rows }, () => {
    const plane = f.keep(channel);
    f.for({ from: 0, to: images }, () => {
      const line = f.keep(plane);
      f.for({ from: 0, to: rows }, () => {
        const count = i32.const(grid[1]);
        collectRow(routines).call(f, { to, from: line, count, step: i32.const(4 * strides[2]) });
        f.increase(to, 4 * grid[1]);
        f.increase(line, 4 * strides[1]);
      });
      f.increase(plane, 4 * imageStrides[1]);
    });
    f.increase(channel, 4 * strides[0]);
  });
}

/** Adds the sums of a block for few rows of the product, eight taps at a time. */
export function sumTaps(block: Block, to: I32, table: I32, adds: I32): void {
  const { body, layout, places, images, rows, depth } = block;
  const { f, routines, scratch } = body;
  const { columns, grid, field } = layout;
  const sums = f.keep(plus(scratch, places.edge));
  const cotangent = f.keep(plus(scratch, places.left));
  const target = f.keep(to);
  f.for({ from: 0, to: layout.rows }, () => {
    f.for({ from: 0, to: columns, step: SUMMED_TAPS }, (column) => {
      tapSumsRoutine(routines).call(f, {
        cotangent,
        starts: plus(scratch, places.starts),
        images,
        rows,
        rowBytes: i32.const(positionRowBytes(field)),
        positions: i32.const(grid[1]),
        table: i32.add(table, times(column, 4)),
        c: sums,
      });
      const rest = f.keep(i32.sub(i32.const(columns), column));
      const from = f.keep(sums);
      f.for({ from: 0, to: atMost(rest, SUMMED_TAPS) }, () => {
        const before = select(adds, f32.load(target), f32.const(0));
        f.emit(f32.store(target, f32.add(before, f32.load(from))));
        f.increase(from, 4);
        f.increase(target, 4);
      });
    });
    f.increase(cotangent, times(depth, 4));
  });
}
