// Weights times sliding windows, for all images: the kernel behind conv2d and its gradient in x.

/**
 * The product of weights with the windows of an image, for each image and group:
 * `y [rows, positions] = W [rows, depth] · windows [depth, positions]`. Both conv2d and its adjoint in x
 * are such products. The windows are never written out as a whole: some positions are packed at a time,
 * and multiplied with all rows while they are in the cache.
 */
import type { CallKernel } from '../../../plan/kernel.ts';
import { atMost, plus, times } from '../kernel/addressing.ts';
import type { I32 } from '../assembler/code.ts';
import { i32 } from '../assembler/instructions.ts';
import { zeroRow } from '../kernel/copies.ts';
import { anyNotFinite, emitExactly } from './correlation-exact.ts';
import { cut, scratchPlaces, type Correlation, type Layout } from './correlation-layout.ts';
import { emitPart, resultOf, zeroBand, type Unit } from './correlation-unit.ts';
import { emitEpilogue } from '../product/epilogue.ts';
import { clearField, readField } from './field.ts';
import { COPIED_BYTES_PER_NANOSECOND, FLOPS_PER_NANOSECOND } from '../kernel/cost.ts';
import type { KernelCode, PhaseBody, Target } from '../kernel/kernel-code.ts';
import { tileOf } from '../product/tile.ts';
import {
  FLAG_BYTES,
  packedBytes,
  packingUnits,
  packWeights,
  rowsOf,
  tapsOf,
  weightBytes,
} from './pack-weights.ts';
import { PositionWalk, writeTapTable } from './windows.ts';

/** The code of a correlation of input 0 with the weights, input 1, and of the epilogue on its result. */
export function correlation(kernel: CallKernel, spec: Correlation, target: Target): KernelCode {
  const parts = spec.parts.filter(
    (part) => tapsOf(spec.weights, part) > 0 && rowsOf(spec.weights, part) > 0,
  );
  if (parts.length === 0) return zeros(kernel, spec);
  const tile = tileOf(target);
  const layout = cut({ ...spec, parts }, tile);
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
        units: packingUnits(tile, weights, parts, groups),
        unitCost: 4 * depth * tile.rows,
        emit: (body) => {
          packWeights(body, tile, weights, parts, groups);
        },
      },
      {
        units,
        unitCost:
          (flops * places) / FLOPS_PER_NANOSECOND.conv2d +
          field.bytes / COPIED_BYTES_PER_NANOSECOND,
        emit: (body) => {
          emitUnits(kernel, body, layout, isPartial);
        },
      },
    ],
    workspaceBytes:
      packedBytes(tile, weights, parts, groups) +
      FLAG_BYTES * packingUnits(tile, weights, parts, groups),
    scratchBytes: scratch.end,
  };
}

/** A result of zeros, which no channel or no tap reaches. */
function zeros(kernel: CallKernel, { batch, groups, result }: Correlation): KernelCode {
  const [channels, height, width] = result;
  return {
    phases: [
      {
        units: batch * groups * channels,
        unitCost: (height * width) / 16,
        emit: (body) => {
          const { f, routines, outputs, begin, end } = body;
          const plane = height * width;
          f.for({ from: begin, to: end }, (unit) => {
            const to = i32.add(outputs[0], times(unit, 4 * plane));
            zeroRow(routines).call(f, { to, count: i32.const(plane) });
            const whole = { rows: i32.const(1), column: i32.const(0), columns: plane };
            emitEpilogue(kernel, body, plane, { row: unit, ...whole });
          });
        },
      },
    ],
  };
}

function emitUnits(kernel: CallKernel, body: PhaseBody, layout: Layout, isPartial: boolean): void {
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
  clearField(f, field, plus(scratch, places.copy));
  const isExact = layout.leavesPaddingOut && field.copies;
  const notFinite = isExact
    ? anyNotFinite(
        body,
        packedBytes(layout.tile, layout.weights, parts, groups),
        packingUnits(layout.tile, layout.weights, parts, groups),
      )
    : null;
  f.for({ from: begin, to: end }, (unit) => {
    const band = f.keep(i32.rem_u(unit, i32.const(bands)));
    const plane = f.keep(i32.div_u(unit, i32.const(bands))); // image · groups + group
    const group = f.keep(i32.rem_u(plane, i32.const(groups)));
    const image = f.keep(i32.div_u(plane, i32.const(groups)));
    const row = f.keep(times(band, bandRows));
    const rest = f.keep(i32.sub(i32.const(grid[0]), row));
    const rows = f.keep(atMost(rest, bandRows));
    const address = f.keep(
      i32.add(
        inputs[0],
        i32.add(times(image, 4 * layout.imageStride), times(group, 4 * layout.groupStride)),
      ),
    );
    const resultBytes = 4 * result[0] * result[1] * result[2];
    const to = f.keep(i32.add(outputs[0], times(plane, resultBytes)));
    const now: Unit = { body, layout, walk, places, row, rows, result: to };
    if (isPartial) zeroBand(now);
    const multiply = (): void => {
      const copy = f.keep(plus(scratch, places.copy));
      const window = readField(f, routines, field, { image: address, row, copy });
      let weightsAt: I32 = f.keep(
        i32.add(body.workspace, times(group, weightBytes(layout.tile, layout.weights, parts))),
      );
      parts.forEach((part, i) => {
        emitPart(now, part, { window, table: tables[i], weightsAt });
        weightsAt = plus(weightsAt, weightBytes(layout.tile, layout.weights, [part]));
      });
    };
    if (notFinite === null) {
      multiply();
    } else {
      const exactly = (): void => {
        const weights = i32.add(inputs[1], times(group, 4 * layout.weights.groupStride));
        emitExactly(now, address, f.keep(weights));
      };
      f.if(notFinite, exactly, multiply);
    }
    const { column, columns } = resultOf(now);
    emitEpilogue(kernel, body, result[1] * result[2], {
      row: f.keep(times(plane, result[0])),
      rows: i32.const(result[0]),
      column,
      columns,
    });
  });
}
