// Packs the weights of a convolution into panels, and notes whether any is infinite or NaN.

import { atMost, plus, times } from '../kernel/addressing.ts';
import { f32, i32 } from '../assembler/instructions.ts';
import type { I32 } from '../assembler/code.ts';
import type { FunctionBuilder, Local } from '../assembler/function.ts';
import { THIN_ROWS } from './thin-products.ts';
import type { Pair, Taps } from './field.ts';
import type { PhaseBody } from '../kernel/kernel-code.ts';
import { leftBytes } from '../product/product.ts';
import type { Tile } from '../product/tile.ts';

/** About how many steps of the depth are multiplied at a time. A panel of windows then stays in the cache. */
const BLOCK_DEPTH = 384;

/**
 * How the weights of a group lie: `[row, channel, vertical tap, horizontal tap]`. Strides are in elements.
 */
export interface Weights {
  /** Channels of the result. */
  readonly rows: number;
  /** Channels of the image that the windows slide over. */
  readonly channels: number;
  readonly groupStride: number;
  readonly rowStride: number;
  readonly channelStride: number;
  readonly tapStrides: Pair<number>;
}

/**
 * One axis of a part: its taps, and the phases of the elements that they produce. The phase of an element is
 * its place in the result modulo the stride; here it is one of `phase … phase + phases − 1`.
 */
export interface PartAxis {
  readonly taps: Taps;
  readonly phase: number;
  readonly phases: number;
  /** The weight that tap k reads for phase p: `first + k · step + (p − phase) · phaseStep`. */
  readonly weight: { readonly first: number; readonly step: number; readonly phaseStep: number };
}

/** The elements of the result that are computed from the same windows. */
export interface Part {
  readonly axes: Pair<PartAxis>;
}

/** Rows of the product: a row for each channel of the result and each phase. */
export function rowsOf(weights: Weights, { axes }: Part): number {
  return weights.rows * axes[0].phases * axes[1].phases;
}

/** Depth of the product. */
export function tapsOf(weights: Weights, { axes }: Part): number {
  return weights.channels * axes[0].taps.count * axes[1].taps.count;
}

/** Panels that hold the rows. */
export function panelsOf({ rows }: Tile, weights: Weights, part: Part): number {
  return Math.ceil(rowsOf(weights, part) / rows);
}

/** Bytes of the panels of some parts, for one group. */
export function weightBytes(tile: Tile, weights: Weights, parts: readonly Part[]): number {
  return parts.reduce(
    (sum, part) => sum + leftBytes(tile, rowsOf(weights, part), tapsOf(weights, part)),
    0,
  );
}

/** Channels whose taps are multiplied at a time. */
export function blockChannels(weights: Weights, part: Part): number {
  if (rowsOf(weights, part) <= THIN_ROWS) return weights.channels;
  const blocks = Math.ceil(tapsOf(weights, part) / BLOCK_DEPTH);
  return Math.ceil(weights.channels / blocks);
}

/** Bytes of the flag of a unit that packs. */
export const FLAG_BYTES = 4;

/** Units that pack the weights. */
export function packingUnits(
  tile: Tile,
  weights: Weights,
  parts: readonly Part[],
  groups: number,
): number {
  return groups * Math.max(...parts.map((part) => panelsOf(tile, weights, part)));
}

/**
 * Bytes of the packed weights. Behind them lies a flag for each unit: whether it met a weight of ±∞ or NaN.
 */
export function packedBytes(
  tile: Tile,
  weights: Weights,
  parts: readonly Part[],
  groups: number,
): number {
  return groups * weightBytes(tile, weights, parts);
}

/**
 * Code that packs the weights, input 1, into the workspace: group after group, part after part, block of
 * channels after block of channels. A unit stands for one group and one number of a panel. It packs the panel
 * of that number in every part that has so many.
 */
export function packWeights(
  body: PhaseBody,
  tile: Tile,
  weights: Weights,
  parts: readonly Part[],
  groups: number,
): void {
  const { f, begin, end, inputs, workspace } = body;
  const sum = f.local('f32');
  f.for({ from: begin, to: end }, (unit) => {
    const group = f.keep(i32.rem_u(unit, i32.const(groups)));
    const panel = f.keep(i32.div_u(unit, i32.const(groups)));
    const from = f.keep(i32.add(inputs[1], times(group, 4 * weights.groupStride)));
    f.set(sum, f32.const(0));
    let to: I32 = f.keep(i32.add(workspace, times(group, weightBytes(tile, weights, parts))));
    for (const part of parts) {
      const start = to;
      f.if(i32.lt_u(panel, i32.const(panelsOf(tile, weights, part))), () => {
        for (let row = 0; row < tile.rows; row++) {
          packRow(f, tile, weights, part, { to: plus(start, 4 * row), from, panel, row, sum });
        }
      });
      to = plus(to, weightBytes(tile, weights, [part]));
    }
    const flag = i32.add(workspace, times(unit, FLAG_BYTES));
    const isNotFinite = f32.ne(sum, f32.const(0));
    f.emit(i32.store(flag, isNotFinite, packedBytes(tile, weights, parts, groups)));
  });
}

/** One row of one panel, in all blocks of channels. */
function packRow(
  f: FunctionBuilder,
  tile: Tile,
  weights: Weights,
  part: Part,
  at: {
    readonly to: I32;
    readonly from: I32;
    readonly panel: I32;
    readonly row: number;
    /** Stays 0 as long as all weights are finite. */
    readonly sum: Local<'f32'>;
  },
): void {
  const [vertical, horizontal] = part.axes;
  const taps = vertical.taps.count * horizontal.taps.count;
  const stepBytes = 4 * tile.rows;
  const row = f.keep(plus(times(at.panel, tile.rows), at.row));
  const exists = f.keep(i32.lt_u(row, i32.const(rowsOf(weights, part))));
  const plane = f.keep(i32.add(at.from, rowOffset(f, weights, part, row)));
  const to = f.local('i32');
  const weight = f.local('f32');
  const step = blockChannels(weights, part);
  const block = f.keep(at.to);
  f.for({ from: 0, to: weights.channels, step }, (channel) => {
    const rest = f.keep(i32.sub(i32.const(weights.channels), channel));
    const channels = f.keep(atMost(rest, step));
    const blockBytes = f.keep(times(channels, taps * stepBytes));
    f.set(to, i32.add(block, i32.mul(at.panel, blockBytes)));
    f.for({ from: 0, to: channels }, () => {
      const line = f.keep(plane);
      f.for({ from: 0, to: vertical.taps.count }, () => {
        const element = f.keep(line);
        f.for({ from: 0, to: horizontal.taps.count }, () => {
          f.if(
            exists,
            () => {
              f.set(weight, f32.load(element));
              f.emit(f32.store(to, weight));
              f.set(at.sum, f32.add(at.sum, f32.sub(weight, weight)));
            },
            () => {
              f.emit(f32.store(to, f32.const(0)));
            },
          );
          f.increase(to, stepBytes);
          f.increase(element, 4 * weights.tapStrides[1] * horizontal.weight.step);
        });
        f.increase(line, 4 * weights.tapStrides[0] * vertical.weight.step);
      });
      f.increase(plane, 4 * weights.channelStride);
    });
    f.increase(block, times(blockBytes, panelsOf(tile, weights, part)));
  });
}

/** Bytes from the first weight of the group to the first weight of a row. */
function rowOffset(f: FunctionBuilder, weights: Weights, part: Part, row: I32): I32 {
  const [vertical, horizontal] = part.axes;
  const phaseX = f.keep(i32.rem_u(row, i32.const(horizontal.phases)));
  const rest = f.keep(i32.div_u(row, i32.const(horizontal.phases)));
  const phaseY = f.keep(i32.rem_u(rest, i32.const(vertical.phases)));
  const channel = f.keep(i32.div_u(rest, i32.const(vertical.phases)));
  const [strideY, strideX] = weights.tapStrides;
  const first = strideY * vertical.weight.first + strideX * horizontal.weight.first;
  const y = times(phaseY, 4 * strideY * vertical.weight.phaseStep);
  const x = times(phaseX, 4 * strideX * horizontal.weight.phaseStep);
  return plus(i32.add(times(channel, 4 * weights.rowStride), i32.add(y, x)), 4 * first);
}
