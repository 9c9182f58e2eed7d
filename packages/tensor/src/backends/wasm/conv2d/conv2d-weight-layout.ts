// How the weight gradient of a convolution is cut into blocks, partial sums and scratch memory.

import type { CallKernel } from '../../../plan/kernel.ts';
import type { Conv2dParams } from '../../../primitives/conv2d.ts';
import { planField, type Field, type Taps } from './field.ts';
import { edgeBytes, leftBytes, rightBytes } from '../product/product.ts';
import type { Tile } from '../product/tile.ts';

/** Window positions that are multiplied at a time, roughly. */
const BLOCK_POSITIONS = 256;
/** The most parts of the batch. Each is summed by itself, so that threads can work on several. */
const MOST_SUMS = 16;
/** Upper bound on the bytes of all partial sums (a single one may exceed it). */
const SUMS_BYTES = 2 ** 24;
/** How the work is cut. All counts follow from the shapes. */
export interface Layout {
  readonly tile: Tile;
  readonly groups: number;
  readonly batch: number;
  /** Elements from image to image and from group to group of x and of ȳ. */
  readonly imageStrides: readonly [number, number];
  readonly groupStrides: readonly [number, number];
  readonly field: Field;
  readonly taps: readonly [Taps, Taps];
  /** Rows of the product: output channels of a group. */
  readonly rows: number;
  /** Columns of the product: weights of an output channel. */
  readonly columns: number;
  /** Rows and columns of window positions. */
  readonly grid: readonly [number, number];
  /** Strides of ȳ in elements: channel, row and column. */
  readonly strides: readonly [number, number, number];
  /** Rows of positions of a block. A block has one band of one image, or several whole images. */
  readonly bandRows: number;
  readonly bands: number;
  readonly images: number;
  readonly blocks: number;
  readonly blocksPerSum: number;
  readonly sums: number;
}

/** Cuts the adjoint of conv2d in w into blocks of window positions. */
export function cut(
  kernel: CallKernel,
  geometry: Conv2dParams['conv2dWeight'],
  tile: Tile,
): Layout {
  const [x, g] = kernel.inputs.map(({ view }) => view);
  const [outputs, channels, kernelHeight, kernelWidth] = kernel.outputs[0].view.shape;
  const [batch, , ...grid] = g.shape;
  const { groups, padding, dilation, stride } = geometry;
  const axis = (i: 0 | 1, count: number): Taps => ({
    count,
    first: -padding[i],
    step: dilation[i],
  });
  const taps = [axis(0, kernelHeight), axis(1, kernelWidth)] as const;
  const positions = grid[0] * grid[1];
  const wantedBands = Math.max(1, Math.round(positions / BLOCK_POSITIONS));
  const bandRows = Math.max(1, Math.ceil(grid[0] / wantedBands));
  const bands = Math.ceil(grid[0] / bandRows);
  const images =
    bands === 1 ? Math.min(batch, Math.max(1, Math.floor(BLOCK_POSITIONS / positions))) : 1;
  const blocks = bands * Math.ceil(batch / Math.max(1, images));
  const sumBytes = 4 * outputs * channels * kernelHeight * kernelWidth;
  const mostSums = Math.min(MOST_SUMS, Math.max(1, Math.floor(SUMS_BYTES / sumBytes)));
  const blocksPerSum = Math.ceil(blocks / mostSums);
  return {
    tile,
    groups,
    batch,
    imageStrides: [x.strides[0], g.strides[0]],
    groupStrides: [channels * x.strides[1], (outputs / groups) * g.strides[1]],
    field: planField(
      {
        channels,
        size: [x.shape[2], x.shape[3]],
        strides: [x.strides[1], x.strides[2], x.strides[3]],
      },
      [taps],
      stride,
      [grid[0], grid[1]],
      bandRows,
    ),
    taps,
    rows: outputs / groups,
    columns: channels * kernelHeight * kernelWidth,
    grid: [grid[0], grid[1]],
    strides: [g.strides[1], g.strides[2], g.strides[3]],
    bandRows,
    bands,
    images,
    blocks,
    blocksPerSum,
    sums: Math.ceil(blocks / Math.max(1, blocksPerSum)),
  };
}

/** Where each part of a thread's memory begins, in bytes. */
export interface ScratchPlaces {
  readonly left: number;
  readonly right: number;
  readonly edge: number;
  readonly starts: number;
  readonly table: number;
  readonly copies: number;
  readonly end: number;
}

/** Lays out the memory of a thread. */
export function scratchPlaces({
  tile,
  rows,
  columns,
  grid,
  bandRows,
  images,
  field,
}: Layout): ScratchPlaces {
  const depth = images * bandRows * grid[1];
  const left = 0;
  const right = left + leftBytes(tile, rows, depth);
  const edge = right + rightBytes(tile, 1, depth);
  const starts = edge + edgeBytes(tile);
  const table = starts + 16 * Math.ceil(images / 4);
  // A panel of taps always reads a whole panel of the table.
  const copies = table + rightBytes(tile, columns, 1);
  return { left, right, edge, starts, table, copies, end: copies + images * field.bytes };
}
