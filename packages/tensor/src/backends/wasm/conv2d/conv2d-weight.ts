// The gradient of a convolution in its weights: a product of ȳ and windows, summed over the batch.

import type { CallKernel } from '../../../plan/kernel.ts';
import type { Conv2dParams } from '../../../primitives/conv2d.ts';
import { atMost, plus, times } from '../kernel/addressing.ts';
import type { I32, V128 } from '../assembler/code.ts';
import { i32 } from '../assembler/instructions.ts';
import { f32x4, v128 } from '../assembler/simd.ts';
import {
  copyCotangent,
  multiply,
  packCotangent,
  readImages,
  sumTaps,
  type Block,
} from './conv2d-weight-block.ts';
import { cut, scratchPlaces, type Layout } from './conv2d-weight-layout.ts';
import { zeroRow } from '../kernel/copies.ts';
import { THIN_ROWS } from './thin-products.ts';
import { clearField } from './field.ts';
import { FLOPS_PER_NANOSECOND } from '../kernel/cost.ts';
import type { KernelCode, Phase, PhaseBody, Target } from '../kernel/kernel-code.ts';
import { tileOf } from '../product/tile.ts';
import { writeTapTable } from './windows.ts';

/** Elements of the result that a unit sums over the parts. */
const SUMMED_ELEMENTS = 4096;

/**
 * The adjoint of conv2d in w: `w̄ [O, taps] = Σ ȳ [O, positions] · windowsᵀ [positions, taps]` over the
 * images. The batch is cut into parts. Their sums are computed side by side, and then added up in order.
 */
export function conv2dWeight(
  kernel: CallKernel,
  geometry: Conv2dParams['conv2dWeight'],
  target: Target,
): KernelCode {
  const layout = cut(kernel, geometry, tileOf(target));
  const size = layout.groups * layout.rows * layout.columns;
  if (layout.blocks === 0 || size === 0) return zeros(size);
  const depth = layout.images * layout.bandRows * layout.grid[1];
  const blockFlops = 2 * layout.rows * layout.columns * depth;
  const product: Phase = {
    units: layout.sums * layout.groups,
    unitCost: (layout.blocksPerSum * blockFlops) / FLOPS_PER_NANOSECOND.conv2d,
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
      zeroRow(routines).call(f, { to: outputs[0], count: i32.const(size) });
    });
  };
  return { phases: [{ units: size === 0 ? 0 : 1, unitCost: size / 16, emit }] };
}

function emitUnits(body: PhaseBody, layout: Layout, sums: I32): void {
  const { f, scratch, begin, end } = body;
  const { groups, bands, images, blocks, blocksPerSum, bandRows, grid, batch } = layout;
  const places = scratchPlaces(layout);
  const table = f.keep(plus(scratch, places.table));
  writeTapTable(f, layout.field, layout.taps, table);
  repeatLastTap(body, layout, table);
  clearField(f, layout.field, plus(scratch, places.copies), images);
  f.for({ from: begin, to: end }, (unit) => {
    const group = f.keep(i32.rem_u(unit, i32.const(groups)));
    const sum = f.keep(i32.div_u(unit, i32.const(groups)));
    const first = f.keep(times(sum, blocksPerSum));
    const last = f.keep(atMost(f.keep(plus(first, blocksPerSum)), blocks));
    const to = f.keep(
      i32.add(sums, times(unitPlace(f.keep(sum), group, groups), 4 * layout.rows * layout.columns)),
    );
    f.for({ from: first, to: last }, (block) => {
      const row = f.keep(times(i32.rem_u(block, i32.const(bands)), bandRows));
      const image = f.keep(times(i32.div_u(block, i32.const(bands)), images));
      const rows = f.keep(atMost(f.keep(i32.sub(i32.const(grid[0]), row)), bandRows));
      const count = f.keep(atMost(f.keep(i32.sub(i32.const(batch), image)), images));
      const depth = f.keep(i32.mul(count, times(rows, grid[1])));
      const now: Block = { body, layout, places, group, image, images: count, row, rows, depth };
      readImages(now);
      const adds = f.keep(i32.ne(block, first));
      if (layout.rows <= THIN_ROWS) {
        copyCotangent(now);
        sumTaps(now, to, table, adds);
      } else {
        packCotangent(now);
        multiply(now, to, table, adds);
      }
    });
  });
}

/** Where the sum of a unit lies among all sums: group after group within a part. */
function unitPlace(sum: I32, group: I32, groups: number): I32 {
  return i32.add(times(sum, groups), group);
}

/** Fills the last panel of the table with copies of the last tap. */
function repeatLastTap({ f }: PhaseBody, { columns, tile }: Layout, table: I32): void {
  const panels = Math.ceil(columns / tile.columns);
  f.for({ from: 4 * columns, to: 4 * tile.columns * panels, step: 4 }, (at) => {
    const last = i32.load(table, 4 * (columns - 1));
    f.emit(i32.store(i32.add(table, at), last));
  });
}

/** Adds up the sums of all parts, in order. */
function summing(size: number, sums: number): Phase {
  return {
    units: Math.ceil(size / SUMMED_ELEMENTS),
    unitCost: (Math.min(size, SUMMED_ELEMENTS) * sums) / 16,
    emit: ({ f, workspace, outputs, begin, end }) => {
      const limit = f.keep(times(end, 4 * SUMMED_ELEMENTS));
      const at = f.keep(times(begin, 4 * SUMMED_ELEMENTS));
      const last = f.keep(atMost(limit, 4 * size));
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
