import type { CallKernel } from '../../compile/kernel.ts';
import type { ContractParams } from '../../primitives/contract.ts';
import { plus, times } from './addressing.ts';
import type { I32, V128 } from './assembler/code.ts';
import { i32, select } from './assembler/instructions.ts';
import { f32x4, v128 } from './assembler/simd.ts';
import { planField, positionRowBytes, readField, type Field, type Taps } from './field.ts';
import type { KernelCode, Phase, PhaseBody } from './kernel-code.ts';
import { packCall, packRoutine, type PanelStrides } from './packing.ts';
import { EDGE_BYTES, leftBytes, productRoutine, rightPanelBytes } from './product.ts';
import { zeroRow } from './copies.ts';
import { packTaps } from './taps.ts';
import { TILE_COLUMNS, TILE_ROWS } from './tile.ts';
import { writeTapTable } from './windows.ts';

/** Window positions that are multiplied at a time, about. */
const BLOCK_POSITIONS = 256;
/** Most parts of the batch, each summed by itself, so that threads can work on several. */
const MOST_SUMS = 16;
/** Most bytes of the sums of all parts, unless one is larger. */
const SUMS_BYTES = 2 ** 24;
/** Elements that a unit sums over the parts. */
const SUMMED_ELEMENTS = 4096;

/** How the work is cut. All counts follow from the shapes. */
interface Layout {
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
  /** Rows of positions of a block, which has one band of one image or several whole images. */
  readonly bandRows: number;
  readonly bands: number;
  readonly images: number;
  readonly blocks: number;
  readonly blocksPerSum: number;
  readonly sums: number;
}

/**
 * The adjoint of conv2d in w: `w̄ [O, taps] = Σ ȳ [O, positions] · windowsᵀ [positions, taps]` over the
 * images. The batch is cut into parts that are summed side by side, and then the sums are added up in
 * order.
 */
export function conv2dWeight(
  kernel: CallKernel,
  geometry: ContractParams['conv2dWeight'],
): KernelCode {
  const layout = cut(kernel, geometry);
  const size = layout.groups * layout.rows * layout.columns;
  if (layout.blocks === 0 || size === 0) return zeros(size);
  const depth = layout.images * layout.bandRows * layout.grid[1];
  const blockFlops = 2 * layout.rows * layout.columns * depth;
  const product: Phase = {
    units: layout.sums * layout.groups,
    unitCost: (layout.blocksPerSum * blockFlops) / 35,
    emit: (body) => {
      emitUnits(body, layout, layout.sums === 1 ? body.outputs[0] : body.workspace);
    },
  };
  return {
    phases: layout.sums === 1 ? [product] : [product, summing(size, layout.sums)],
    workspaceBytes: layout.sums === 1 ? 0 : 4 * size * layout.sums,
    scratchBytes: scratchPlaces(layout).end,
  };
}

function zeros(size: number): KernelCode {
  const emit = ({ f, routines, outputs, begin, end }: PhaseBody): void => {
    f.for({ from: begin, to: end }, () => {
      f.call(zeroRow(routines), outputs[0], i32.const(size));
    });
  };
  return { phases: [{ units: size === 0 ? 0 : 1, unitCost: size / 16, emit }] };
}

function cut(kernel: CallKernel, geometry: ContractParams['conv2dWeight']): Layout {
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

/** Where in the memory of a thread what lies, in bytes. */
interface ScratchPlaces {
  readonly left: number;
  readonly right: number;
  readonly edge: number;
  readonly starts: number;
  readonly table: number;
  readonly copies: number;
  readonly end: number;
}

function scratchPlaces({ rows, columns, grid, bandRows, images, field }: Layout): ScratchPlaces {
  const depth = images * bandRows * grid[1];
  const left = 0;
  const right = left + leftBytes(rows, depth);
  const edge = right + rightPanelBytes(depth);
  const starts = edge + EDGE_BYTES;
  const table = starts + 16 * Math.ceil(images / 4);
  // A panel of taps reads a whole panel of the table.
  const copies = table + 4 * TILE_COLUMNS * Math.ceil(columns / TILE_COLUMNS);
  return { left, right, edge, starts, table, copies, end: copies + images * field.bytes };
}

/** A block of positions, ready to be multiplied. */
interface Block {
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

function emitUnits(body: PhaseBody, layout: Layout, sums: I32): void {
  const { f, scratch, begin, end } = body;
  const { groups, bands, images, blocks, blocksPerSum, bandRows, grid, batch } = layout;
  const places = scratchPlaces(layout);
  const table = f.keep(plus(scratch, places.table));
  writeTapTable(f, layout.field, layout.taps, table);
  repeatLastTap(body, layout, table);
  const least = (a: I32, b: number): I32 => select(i32.lt_u(a, i32.const(b)), a, i32.const(b));
  f.for({ from: begin, to: end }, (unit) => {
    const group = f.keep(i32.rem_u(unit, i32.const(groups)));
    const sum = f.keep(i32.div_u(unit, i32.const(groups)));
    const first = f.keep(times(sum, blocksPerSum));
    const last = f.keep(least(f.keep(plus(first, blocksPerSum)), blocks));
    const to = f.keep(
      i32.add(sums, times(unitPlace(f.keep(sum), group, groups), 4 * layout.rows * layout.columns)),
    );
    f.for({ from: first, to: last }, (block) => {
      const row = f.keep(times(i32.rem_u(block, i32.const(bands)), bandRows));
      const image = f.keep(times(i32.div_u(block, i32.const(bands)), images));
      const rows = f.keep(least(f.keep(i32.sub(i32.const(grid[0]), row)), bandRows));
      const count = f.keep(least(f.keep(i32.sub(i32.const(batch), image)), images));
      const depth = f.keep(i32.mul(count, times(rows, grid[1])));
      const now: Block = { body, layout, places, group, image, images: count, row, rows, depth };
      packCotangent(now);
      readImages(now);
      multiply(now, to, table, i32.ne(block, first));
    });
  });
}

/** Where the sum of a unit lies among all: group after group within a part. */
function unitPlace(sum: I32, group: I32, groups: number): I32 {
  return i32.add(times(sum, groups), group);
}

/** Fills the last panel of the table up. */
function repeatLastTap({ f }: PhaseBody, { columns }: Layout, table: I32): void {
  const panels = Math.ceil(columns / TILE_COLUMNS);
  f.for({ from: 4 * columns, to: 4 * TILE_COLUMNS * panels, step: 4 }, (at) => {
    const last = i32.load(table, 4 * (columns - 1));
    f.emit(i32.store(i32.add(table, at), last));
  });
}

/** Packs ȳ as the left operand: panels of four channels, the positions of all images as depth. */
function packCotangent({ body, layout, places, group, image, images, row, rows }: Block): void {
  const { f, routines, scratch, inputs } = body;
  const {
    grid,
    strides: [channelStride, rowStride, columnStride],
  } = layout;
  const isMerged = rowStride === grid[1] * columnStride || grid[0] === 1;
  const strides: PanelStrides = { row: channelStride, step: columnStride };
  const routine = packRoutine(routines, TILE_ROWS, strides);
  const first = i32.add(times(group, 4 * layout.groupStrides[1]), times(row, 4 * rowStride));
  const base = f.keep(i32.add(inputs[1], i32.add(times(image, 4 * layout.imageStrides[1]), first)));
  const to = f.keep(plus(scratch, places.left));
  const left = f.keep(i32.const(layout.rows));
  f.while(
    () => i32.gt_s(left, i32.const(0)),
    () => {
      const present = f.keep(
        select(i32.lt_s(left, i32.const(TILE_ROWS)), left, i32.const(TILE_ROWS)),
      );
      const plane = f.keep(base);
      f.for({ from: 0, to: images }, () => {
        const line = f.keep(plane);
        const steps = isMerged ? times(rows, grid[1]) : i32.const(grid[1]);
        f.for({ from: 0, to: isMerged ? 1 : rows }, () => {
          packCall(f, routine, { to, from: line, depth: steps, rows: present, strides });
          f.increase(to, times(steps, 4 * TILE_ROWS));
          f.increase(line, 4 * rowStride);
        });
        f.increase(plane, 4 * layout.imageStrides[1]);
      });
      f.increase(base, 4 * TILE_ROWS * channelStride);
      f.increase(left, -TILE_ROWS);
    },
  );
}

/** Makes the field of each image ready and notes where its first window lies. */
function readImages({ body, layout, places, group, image, images, row }: Block): void {
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

/** Adds the product of a block to the sum at `to`, panel of taps after panel of taps. */
function multiply(block: Block, to: I32, table: I32, adds: I32): void {
  const { body, layout, places, images, rows, depth } = block;
  const { f, routines, scratch } = body;
  const { columns, grid, field } = layout;
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
          f.call(packTaps(routines, grid[1]), panel, line, taps, i32.const(grid[1]));
          f.increase(panel, rightPanelBytes(grid[1]));
          f.increase(line, positionRowBytes(field));
        });
        f.increase(start, 4);
      });
      const width = select(i32.lt_s(left, i32.const(TILE_COLUMNS)), left, i32.const(TILE_COLUMNS));
      f.call(
        productRoutine(routines),
        plus(scratch, places.left),
        i32.const(layout.rows),
        right,
        width,
        depth,
        c,
        i32.const(4 * columns),
        adds,
        plus(scratch, places.edge),
      );
      f.increase(c, 4 * TILE_COLUMNS);
      f.increase(taps, 4 * TILE_COLUMNS);
      f.increase(left, -TILE_COLUMNS);
    },
  );
}

/** Adds up the sums of all parts, in order. */
function summing(size: number, sums: number): Phase {
  return {
    units: Math.ceil(size / SUMMED_ELEMENTS),
    unitCost: (Math.min(size, SUMMED_ELEMENTS) * sums) / 16,
    emit: ({ f, workspace, outputs, begin, end }) => {
      const limit = f.keep(times(end, 4 * SUMMED_ELEMENTS));
      const at = f.keep(times(begin, 4 * SUMMED_ELEMENTS));
      const last = f.keep(select(i32.lt_u(limit, i32.const(4 * size)), limit, i32.const(4 * size)));
      const total = f.local('v128');
      const from = f.local('i32');
      const addUp = (load: (from: I32) => V128): void => {
        f.set(from, i32.add(workspace, at));
        f.set(total, load(from));
        f.for({ from: 1, to: sums }, () => {
          f.increase(from, 4 * size);
          f.set(total, f32x4.add(total, load(from)));
        });
      };
      f.while(
        () => i32.le_u(plus(at, 16), last),
        () => {
          addUp((address) => v128.load(address));
          f.emit(v128.store(i32.add(outputs[0], at), total));
          f.increase(at, 16);
        },
      );
      f.while(
        () => i32.lt_u(at, last),
        () => {
          addUp((address) => v128.load32_zero(address));
          f.emit(v128.store32_lane(i32.add(outputs[0], at), total, 0));
          f.increase(at, 4);
        },
      );
    },
  };
}
