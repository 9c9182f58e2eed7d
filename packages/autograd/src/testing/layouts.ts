// Random memory layouts for property tests: the same elements with other strides.

import type { Tensor } from '@tessera/tensor';
import { apply, primitives } from '@tessera/tensor/extend';
import fc from 'fast-check';

/** Gives a tensor of the same shape and elements that lie otherwise in their memory. */
export type Layout = (x: Tensor) => Tensor;

/** How one axis lies. */
interface AxisLayout {
  /** Axes lie from the smallest rank, outermost, to the largest. */
  readonly rank: number;
  readonly reversed: boolean;
  /** Elements of the memory before the first and after the last. */
  readonly margin: number;
  /** Elements of the memory from one to the next. */
  readonly step: number;
}

/**
 * Layouts: permuted, reversed, with margins and gaps. What a function gives must not depend on them:
 * `f(layout(x))` equals `f(x)`.
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

/** Writes x out as `axes` say, and views the result as x; axes past the last begin at the first again. */
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
