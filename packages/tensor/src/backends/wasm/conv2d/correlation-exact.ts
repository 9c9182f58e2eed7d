// The slow exact correlation for weights with infinities or NaN: it leaves the padding out.

/**
 * Correlations that leave the padding out instead of multiplying it. This makes a difference only where
 * weights are infinite or NaN, and then it may be slow.
 */
import { plus, times } from '../kernel/addressing.ts';
import type { I32 } from '../assembler/code.ts';
import { f32, i32 } from '../assembler/instructions.ts';
import type { Layout } from './correlation-layout.ts';
import type { Unit } from './correlation-unit.ts';
import type { PhaseBody } from '../kernel/kernel-code.ts';
import { FLAG_BYTES, type Part } from './pack-weights.ts';

/** Code that tells whether any weight is infinite or NaN, as the units that packed them noted. */
export function anyNotFinite({ f, workspace }: PhaseBody, flagsAt: number, units: number): I32 {
  const any = f.local('i32', i32.const(0));
  const at = f.keep(plus(workspace, flagsAt));
  f.for({ from: 0, to: units }, () => {
    f.set(any, i32.or(any, i32.load(at)));
    f.increase(at, FLAG_BYTES);
  });
  return any;
}

/**
 * Code that computes the result of a unit element by element.
 *
 * @param image Address of the image and group that the windows slide over.
 * @param weights Address of the weights of the group.
 */
export function emitExactly(unit: Unit, image: I32, weights: I32): void {
  for (const part of unit.layout.parts) {
    const [vertical, horizontal] = part.axes;
    forEachElement(unit, part, ({ to, row, column, channel, phaseY, phaseX }) => {
      const { f } = unit.body;
      const { planes, stride, weights: w } = unit.layout;
      const offset =
        w.tapStrides[0] * vertical.weight.first + w.tapStrides[1] * horizontal.weight.first;
      const phases = i32.add(
        times(phaseY, 4 * w.tapStrides[0] * vertical.weight.phaseStep),
        times(phaseX, 4 * w.tapStrides[1] * horizontal.weight.phaseStep),
      );
      const first = i32.add(i32.add(weights, times(channel, 4 * w.rowStride)), phases);
      const weightPlane = f.keep(plus(first, 4 * offset));
      const plane = f.keep(image);
      const sum = f.local('f32', f32.const(0));
      const firstRow = f.keep(plus(times(row, stride[0]), vertical.taps.first));
      const firstColumn = f.keep(plus(times(column, stride[1]), horizontal.taps.first));
      f.for({ from: 0, to: planes.channels }, () => {
        f.for({ from: 0, to: vertical.taps.count }, (k) => {
          const y = f.keep(i32.add(firstRow, times(k, vertical.taps.step)));
          f.if(i32.lt_u(y, i32.const(planes.size[0])), () => {
            f.for({ from: 0, to: horizontal.taps.count }, (l) => {
              const x = f.keep(i32.add(firstColumn, times(l, horizontal.taps.step)));
              f.if(i32.lt_u(x, i32.const(planes.size[1])), () => {
                const place = i32.add(
                  times(y, 4 * planes.strides[1]),
                  times(x, 4 * planes.strides[2]),
                );
                const tap = i32.add(
                  times(k, 4 * w.tapStrides[0] * vertical.weight.step),
                  times(l, 4 * w.tapStrides[1] * horizontal.weight.step),
                );
                const factor = f32.load(i32.add(plane, place));
                const product = f32.mul(factor, f32.load(i32.add(weightPlane, tap)));
                f.set(sum, f32.add(sum, product));
              });
            });
          });
        });
        f.increase(plane, 4 * planes.strides[0]);
        f.increase(weightPlane, 4 * w.channelStride);
      });
      f.emit(f32.store(to, sum));
    });
  }
}

/** One element of the result. */
interface Element {
  readonly to: I32;
  /** The position of the window. */
  readonly row: I32;
  readonly column: I32;
  /** The channel, and the phases counted from the first ones of the part. */
  readonly channel: I32;
  readonly phaseY: I32;
  readonly phaseX: I32;
}

/** Visits the elements of the unit's band that belong to a part. */
function forEachElement(unit: Unit, part: Part, visit: (element: Element) => void): void {
  const { f } = unit.body;
  const { result, spread, grid }: Layout = unit.layout;
  const [channels, height, width] = result;
  const [vertical, horizontal] = part.axes;
  f.for({ from: 0, to: channels }, (channel) => {
    f.for({ from: 0, to: vertical.phases }, (phaseY) => {
      f.for({ from: 0, to: horizontal.phases }, (phaseX) => {
        f.for({ from: 0, to: unit.rows }, (i) => {
          const row = f.keep(i32.add(unit.row, i));
          const y = f.keep(i32.add(times(row, spread[0]), plus(phaseY, vertical.phase)));
          f.for({ from: 0, to: grid[1] }, (column) => {
            const x = f.keep(i32.add(times(column, spread[1]), plus(phaseX, horizontal.phase)));
            const isInside = i32.and(i32.lt_u(y, i32.const(height)), i32.lt_u(x, i32.const(width)));
            f.if(isInside, () => {
              const line = i32.add(times(channel, height), y);
              const to = i32.add(unit.result, times(i32.add(times(line, width), x), 4));
              visit({ to: f.keep(to), row, column, channel, phaseY, phaseX });
            });
          });
        });
      });
    });
  });
}
