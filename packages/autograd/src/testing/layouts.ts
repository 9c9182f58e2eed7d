// Random memory layouts for property tests: the same elements with other strides.

import type { Tensor } from '@tessera/tensor';
import { apply, primitives } from '@tessera/tensor/extend';
import fc from 'fast-check';

/** Returns a tensor of the same shape and elements with another layout in memory. */
export type Layout = (x: Tensor) => Tensor;

/** The layout of one axis. */
interface AxisLayout {
  /** The axis of the smallest rank is outermost in memory, that of the largest innermost. */
  readonly rank: number;
  readonly reversed: boolean;
  /** Unused elements before the first and after the last element of the axis. */
  readonly margin: number;
  /** Distance in memory between neighbouring elements. */
  readonly step: number;
}

/**
 * Random layouts: permuted, reversed, with margins and gaps. The values of a function must not depend on
 * them: `f(layout(x))` equals `f(x)`.
 *
 * @example
 * fc.assert(
 *   fc.property(floats([2, 3]), layouts, (x, layout) =>
 *     x.exp().equal(layout(x).exp()).min().itemSync() === 1),
 * );
 */
export const layouts: fc.Arbitrary<Layout> = fc
  .array(
    fc.record({
      rank: fc.nat(9),
      reversed: fc.boolean(),
      margin: fc.nat(2),
      step: fc.integer({ min: 1, max: 3 }),
    }),
    { minLength: 4, maxLength: 4 },
  )
  .map((axes) =>
    Object.assign((x: Tensor) => lay(x, axes), {
      [fc.toStringMethod]: () => `layout ${JSON.stringify(axes)}`,
    }),
  );

/** Copies x to memory in the layout of `axes`, and views it as x. If x has more axes, `axes` repeats. */
function lay(x: Tensor, axes: readonly AxisLayout[]): Tensor {
  const order = x.shape
    .map((_, axis) => axis)
    .sort((a, b) => axes[a % axes.length].rank - axes[b % axes.length].rank);
  const outer = x.permute(order);
  const outerAxes = order.map((axis) => axes[axis % axes.length]);
  const backwards = outerAxes.flatMap(({ reversed }, i) => (reversed ? [i] : []));
  const margins = outerAxes.map(({ margin }) => margin);
  const [written] = apply(primitives.pad, [outer.flip(backwards)], {
    before: margins,
    after: margins,
    interior: outerAxes.map(({ step }) => step - 1),
  });
  const [read] = apply(primitives.slice, [written], {
    starts: margins,
    sizes: outer.shape,
    steps: outerAxes.map(({ step }) => step),
  });
  return read.flip(backwards).permute(order.map((_, axis) => order.indexOf(axis)));
}
