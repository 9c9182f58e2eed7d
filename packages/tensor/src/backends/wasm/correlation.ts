/**
 * The product of weights with the windows of an image: `y [rows, positions] = W [rows, depth] ·
 * windows [depth, positions]` for each image and group, which conv2d and its adjoint in x both are.
 * The windows are never written out as a whole: eight positions are packed at a time, and multiplied
 * with all rows while they are in the cache.
 */
import { plus, times } from './addressing.ts';
import type { I32 } from './assembler/code.ts';
import { i32, select } from './assembler/instructions.ts';
import { planField, readField, type Field, type Pair, type Planes } from './field.ts';
import type { KernelCode, PhaseBody } from './kernel-code.ts';
import { EDGE_BYTES, productRoutine, rightPanelBytes } from './product.ts';
import { spreadRow, zeroRow } from './copies.ts';
import { TILE_COLUMNS, TILE_ROWS } from './tile.ts';
import {
  blockChannels,
  packWeights,
  panelsOf,
  rowsOf,
  tapsOf,
  weightBytes,
  type Part,
  type Weights,
} from './weights.ts';
import { packWindows, PositionWalk, writeTapTable } from './windows.ts';

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
}

/** Work that a unit should at least be: about 20 µs. */
const UNIT_FLOPS = 1e6;
/** Units that there should at least be, where there is work enough. */
const UNITS = 32;
/** What a unit reads and writes should stay in the cache of the second level. */
const UNIT_BYTES = 2 ** 19;

/** How a correlation is cut. */
interface Layout extends Correlation {
  readonly field: Field;
  /** Rows of positions of a unit. */
  readonly bandRows: number;
  readonly bands: number;
  /** Whether products go to memory of the thread, and from there to their places in the result. */
  readonly isSpread: boolean;
}

/** The code of a correlation of input 0 and the weights, input 1. */
export function correlation(spec: Correlation): KernelCode {
  const parts = spec.parts.filter((part) => tapsOf(spec.weights, part) > 0);
  if (parts.length === 0) return zeros(spec);
  const layout = cut({ ...spec, parts });
  const isPartial = parts.length < spec.parts.length;
  const { batch, groups, bands, field, weights } = layout;
  const units = batch * groups * bands;
  const depth = parts.reduce((sum, part) => sum + tapsOf(weights, part), 0);
  const flops = 2 * parts.reduce((sum, p) => sum + rowsOf(weights, p) * tapsOf(weights, p), 0);
  const places = layout.bandRows * layout.grid[1];
  const scratch = scratchPlaces(layout);
  return {
    phases: [
      {
        units: groups * Math.max(...parts.map((part) => panelsOf(weights, part))),
        unitCost: 4 * depth * TILE_ROWS,
        emit: (body) => {
          packWeights(body, weights, parts, groups);
        },
      },
      {
        units,
        unitCost: (flops * places) / 35 + field.bytes / 8,
        emit: (body) => {
          emitUnits(body, layout, isPartial);
        },
      },
    ],
    workspaceBytes: groups * weightBytes(weights, parts),
    scratchBytes: scratch.end,
  };
}

/** A result of zeros: no channel or no tap reaches it. */
function zeros({ batch, groups, result }: Correlation): KernelCode {
  const [channels, height, width] = result;
  return {
    phases: [
      {
        units: batch * groups * channels,
        unitCost: (height * width) / 16,
        emit: ({ f, routines, outputs, begin, end }) => {
          f.for({ from: begin, to: end }, (unit) => {
            const to = i32.add(outputs[0], times(unit, 4 * height * width));
            f.call(zeroRow(routines), to, i32.const(height * width));
          });
        },
      },
    ],
  };
}

function cut(spec: Correlation): Layout {
  const { batch, groups, planes, stride, grid, weights, parts, spread } = spec;
  const taps = parts.map((part) => [part.axes[0].taps, part.axes[1].taps] as const);
  const positions = grid[0] * grid[1];
  const rows = Math.max(...parts.map((part) => rowsOf(weights, part)));
  const flops = parts.reduce((sum, p) => sum + 2 * rowsOf(weights, p) * tapsOf(weights, p), 0);
  const isSpread = spread[0] > 1 || spread[1] > 1;
  const wanted = Math.min(
    Math.ceil(UNITS / Math.max(1, batch * groups)),
    Math.ceil((flops * positions) / UNIT_FLOPS),
  );
  let bandRows = Math.ceil(grid[0] / Math.max(1, Math.min(wanted, grid[0])));
  for (;;) {
    const field = planField(planes, taps, stride, grid, bandRows);
    const products = isSpread ? 4 * rows * bandRows * grid[1] : 0;
    if (bandRows === 1 || field.bytes + products <= UNIT_BYTES) {
      return { ...spec, field, bandRows, bands: Math.ceil(grid[0] / bandRows), isSpread };
    }
    bandRows = Math.ceil(bandRows / 2);
  }
}

/** Where in the memory of a thread what lies, in bytes. */
interface ScratchPlaces {
  readonly panel: number;
  readonly edge: number;
  readonly tables: number;
  readonly copy: number;
  readonly products: number;
  readonly end: number;
}

function scratchPlaces({ parts, weights, field, isSpread, bandRows, grid }: Layout): ScratchPlaces {
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  const taps = parts.map((part) => tapsOf(weights, part));
  const rows = Math.max(...parts.map((part) => rowsOf(weights, part)));
  const panel = 0;
  const edge = panel + Math.max(...parts.map((p) => rightPanelBytes(blockDepth(weights, p))));
  const tables = edge + EDGE_BYTES;
  const copy = tables + 16 * Math.ceil(sum(taps) / 4);
  const products = copy + field.bytes;
  const end = products + (isSpread ? 4 * rows * bandRows * grid[1] : 0);
  return { panel, edge, tables, copy, products, end };
}

/** Steps of the depth that are multiplied at a time. */
function blockDepth(weights: Weights, part: Part): number {
  return (blockChannels(weights, part) * tapsOf(weights, part)) / weights.channels;
}

/** What the code of a unit has at hand. */
interface Unit {
  readonly body: PhaseBody;
  readonly layout: Layout;
  readonly walk: PositionWalk;
  readonly places: ScratchPlaces;
  readonly group: I32;
  /** First row of positions. */
  readonly row: I32;
  /** Rows of positions. */
  readonly rows: I32;
  /** The address of the first window. */
  readonly window: I32;
  /** The address of the result of this image and group. */
  readonly result: I32;
}

function emitUnits(body: PhaseBody, layout: Layout, isPartial: boolean): void {
  const { f, routines, scratch, begin, end, inputs, outputs } = body;
  const { field, groups, bands, bandRows, grid, parts, result } = layout;
  const places = scratchPlaces(layout);
  let table: I32 = f.keep(plus(scratch, places.tables));
  const tables = parts.map((part) => {
    const start = table;
    table = writeTapTable(f, field, [part.axes[0].taps, part.axes[1].taps], start);
    return start;
  });
  const walk = new PositionWalk(f, field, grid[1]);
  f.for({ from: begin, to: end }, (unit) => {
    const band = f.keep(i32.rem_u(unit, i32.const(bands)));
    const plane = f.keep(i32.div_u(unit, i32.const(bands))); // image · groups + group
    const group = f.keep(i32.rem_u(plane, i32.const(groups)));
    const image = f.keep(i32.div_u(plane, i32.const(groups)));
    const row = f.keep(times(band, bandRows));
    const rest = f.keep(i32.sub(i32.const(grid[0]), row));
    const rows = f.keep(select(i32.lt_u(rest, i32.const(bandRows)), rest, i32.const(bandRows)));
    const address = i32.add(
      inputs[0],
      i32.add(times(image, 4 * layout.imageStride), times(group, 4 * layout.groupStride)),
    );
    const window = readField(f, routines, field, {
      image: f.keep(address),
      row,
      copy: f.keep(plus(scratch, places.copy)),
    });
    const resultBytes = 4 * result[0] * result[1] * result[2];
    const to = f.keep(i32.add(outputs[0], times(plane, resultBytes)));
    const now: Unit = { body, layout, walk, places, group, row, rows, window, result: to };
    if (isPartial) zeroBand(now);
    let weightsAt: I32 = f.keep(
      i32.add(body.workspace, times(group, weightBytes(layout.weights, parts))),
    );
    parts.forEach((part, i) => {
      emitPart(now, part, tables[i], weightsAt);
      weightsAt = plus(weightsAt, weightBytes(layout.weights, [part]));
    });
  });
}

/** The products of one part, to their places in the result. */
function emitPart(unit: Unit, part: Part, table: I32, weightsAt: I32): void {
  const { body, layout, walk, places, rows: bandRows, window } = unit;
  const { f, routines, scratch } = body;
  const { weights, grid, isSpread } = layout;
  const rows = rowsOf(weights, part);
  const taps = tapsOf(weights, part) / weights.channels;
  const channelsAtATime = blockChannels(weights, part);
  const positions = f.keep(times(bandRows, grid[1]));
  const start = f.keep(
    isSpread ? plus(scratch, places.products) : i32.add(unit.result, times(unit.row, 4 * grid[1])),
  );
  const rowBytes = isSpread ? f.keep(times(positions, 4)) : i32.const(4 * grid[0] * grid[1]);
  const left = f.keep(weightsAt);
  const taken = f.keep(table);
  f.for({ from: 0, to: weights.channels, step: channelsAtATime }, (channel) => {
    const rest = f.keep(i32.sub(i32.const(weights.channels), channel));
    const channels = select(
      i32.lt_u(rest, i32.const(channelsAtATime)),
      rest,
      i32.const(channelsAtATime),
    );
    const depth = f.keep(times(channels, taps));
    const to = f.keep(start);
    const columns = f.keep(positions);
    const panel = f.keep(plus(scratch, places.panel));
    walk.restart(window, positions);
    f.while(
      () => i32.gt_s(columns, i32.const(0)),
      () => {
        packWindows(f, routines, walk, { to: panel, table: taken, depth });
        const width = select(
          i32.lt_s(columns, i32.const(TILE_COLUMNS)),
          columns,
          i32.const(TILE_COLUMNS),
        );
        f.call(
          productRoutine(routines),
          left,
          i32.const(rows),
          panel,
          width,
          depth,
          to,
          rowBytes,
          channel,
          plus(scratch, places.edge),
        );
        f.increase(to, 4 * TILE_COLUMNS);
        f.increase(columns, -TILE_COLUMNS);
      },
    );
    f.increase(left, times(depth, 4 * TILE_ROWS * panelsOf(weights, part)));
    f.increase(taken, times(depth, 4));
  });
  if (isSpread) spreadProducts(unit, part, start);
}

/** Takes the products of a part, `[channel, phase, phase, position]`, to their places in the result. */
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
            f.call(spreadRow(routines), to, from, count, i32.const(4 * spread[1]));
          });
          f.increase(from, 4 * grid[1]);
        });
      });
    });
    f.increase(plane, 4 * height * width);
  });
}

/** Sets the rows of the result that belong to the band to 0. */
function zeroBand({ body, layout, row, rows, result }: Unit): void {
  const { f, routines } = body;
  const { spread } = layout;
  const [channels, height, width] = layout.result;
  const first = f.keep(times(row, spread[0]));
  const rest = f.keep(i32.sub(i32.const(height), first));
  const wanted = f.keep(times(rows, spread[0]));
  const count = f.keep(times(select(i32.lt_s(wanted, rest), wanted, rest), width));
  const plane = f.keep(i32.add(result, times(first, 4 * width)));
  f.for({ from: 0, to: channels }, () => {
    f.call(zeroRow(routines), plane, count);
    f.increase(plane, 4 * height * width);
  });
}
