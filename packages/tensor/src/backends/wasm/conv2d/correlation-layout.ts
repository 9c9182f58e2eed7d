// How a correlation is cut into bands of rows, and where its scratch memory lies.

import { THIN_ROWS, READ_AHEAD } from './thin-products.ts';
import { planField, type Field, type Pair, type Planes } from './field.ts';
import { edgeBytes, rightBytes } from '../product/product.ts';
import type { Tile } from '../product/tile.ts';
import { blockChannels, rowsOf, tapsOf, type Part, type Weights } from './pack-weights.ts';

/** One correlation. */
export interface Correlation {
  readonly batch: number;
  readonly groups: number;
  /** One image and group of what the windows slide over. */
  readonly planes: Planes;
  /** Elements from image to image and from group to group there. */
  readonly imageStride: number;
  readonly groupStride: number;
  /** Rows and columns from window to window. */
  readonly stride: Pair<number>;
  /** Vertical and horizontal positions of the window. */
  readonly grid: Pair<number>;
  readonly weights: Weights;
  /** Which weights give which elements of the result. */
  readonly parts: readonly Part[];
  /** The result of an image and group: `[channels, height, width]`. */
  readonly result: readonly [number, number, number];
  /** Rows and columns of the result from position to position. */
  readonly spread: Pair<number>;
  /** Whether windows leave the padding out. Otherwise the padding is multiplied by the weights, as zeros. */
  readonly leavesPaddingOut: boolean;
}

/** Floating point operations that a unit should have at least: about 20 µs. */
const UNIT_FLOPS = 1e6;
/** Units that there should be at least, where there is enough work. */
const UNITS = 32;
/** Bytes that a unit should read and write at most: they stay in the cache of the second level. */
const UNIT_BYTES = 2 ** 19;

/** How a correlation is cut. */
export interface Layout extends Correlation {
  readonly tile: Tile;
  readonly field: Field;
  /** Rows of positions of a unit. */
  readonly bandRows: number;
  readonly bands: number;
  /** Whether tiles read the field itself, as they can where they fill rows of positions. Otherwise windows are packed. */
  readonly readsField: boolean;
  /** Whether products first go to memory of the thread, and from there to their places in the result. */
  readonly isSpread: boolean;
}

/** Cuts a correlation into bands of rows. All counts follow from the shapes. */
export function cut(spec: Correlation, tile: Tile): Layout {
  const { batch, groups, planes, stride, grid, weights, parts, spread } = spec;
  const taps = parts.map((part) => [part.axes[0].taps, part.axes[1].taps] as const);
  const positions = grid[0] * grid[1];
  const partRows = parts.map((part) => rowsOf(weights, part));
  const rows = Math.max(...partRows);
  const mayRead = Math.min(...partRows) > THIN_ROWS;
  const flops = parts.reduce((sum, p) => sum + 2 * rowsOf(weights, p) * tapsOf(weights, p), 0);
  const isSpread = spread[0] > 1 || spread[1] > 1;
  const wanted = Math.min(
    Math.ceil(UNITS / Math.max(1, batch * groups)),
    Math.ceil((flops * positions) / UNIT_FLOPS),
  );
  let bandRows = Math.ceil(grid[0] / Math.max(1, Math.min(wanted, grid[0])));
  for (;;) {
    const field = planField(planes, taps, stride, grid, bandRows, mayRead);
    const products = isSpread ? 4 * rows * bandRows * grid[1] : 0;
    if (bandRows === 1 || field.bytes + products <= UNIT_BYTES) {
      const readsField = grid[1] % tile.columns === 0;
      const bands = Math.ceil(grid[0] / bandRows);
      return { ...spec, tile, field, bandRows, bands, readsField, isSpread };
    }
    bandRows = Math.ceil(bandRows / 2);
  }
}

/** Where each part of a thread's memory begins, in bytes. */
export interface ScratchPlaces {
  readonly panel: number;
  readonly edge: number;
  readonly tables: number;
  readonly copy: number;
  readonly products: number;
  readonly end: number;
}

/** Lays out the memory of a thread. */
export function scratchPlaces({
  tile,
  parts,
  weights,
  field,
  isSpread,
  bandRows,
  grid,
}: Layout): ScratchPlaces {
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  const taps = parts.map((part) => tapsOf(weights, part));
  const rows = Math.max(...parts.map((part) => rowsOf(weights, part)));
  const panel = 0;
  const edge = panel + Math.max(...parts.map((p) => rightBytes(tile, 1, blockDepth(weights, p))));
  const tables = edge + edgeBytes(tile);
  const copy = tables + 16 * Math.ceil(sum(taps) / 4);
  const products = copy + field.bytes;
  const end = products + (isSpread ? 4 * rows * bandRows * grid[1] : 0) + READ_AHEAD;
  return { panel, edge, tables, copy, products, end };
}

/** Steps of the depth of a part that are multiplied at a time. */
function blockDepth(weights: Weights, part: Part): number {
  return (blockChannels(weights, part) * tapsOf(weights, part)) / weights.channels;
}
