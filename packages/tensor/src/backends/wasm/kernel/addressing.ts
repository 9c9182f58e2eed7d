// Address arithmetic as WebAssembly code: multiples, sums, bounds and byte offsets of elements.

import type { I32 } from '../assembler/code.ts';
import type { FunctionBuilder } from '../assembler/function.ts';
import { i32, select } from '../assembler/instructions.ts';
import { mergeRuns, type View } from '../../../array/view.ts';

/** `a · factor`, as a shift where the factor is a power of two. */
export function times(a: I32, factor: number): I32 {
  if (factor === 1) return a;
  const bits = Math.log2(factor);
  return Number.isInteger(bits) && bits >= 0
    ? i32.shl(a, i32.const(bits))
    : i32.mul(a, i32.const(factor));
}

/** The smaller of two unsigned numbers; each is computed twice. */
export function least(a: I32, b: I32): I32 {
  return select(i32.lt_u(a, b), a, b);
}

/** The smaller of an unsigned count and `most`; the count is computed twice. */
export function atMost(count: I32, most: number): I32 {
  return least(count, i32.const(most));
}

/** `a + amount`. */
export function plus(a: I32, amount: number): I32 {
  return amount === 0 ? a : i32.add(a, i32.const(amount));
}

/**
 * The distance in bytes from element 0 to the element of row-major index `index`, in a view of these
 * dimensions.
 *
 * @param view Dimensions and strides in elements. The offset of the view is left out.
 * @param bytes Bytes of an element.
 */
export function byteOffset(
  f: FunctionBuilder,
  index: I32,
  view: Pick<View, 'shape' | 'strides'>,
  bytes: number,
): I32 {
  const runs = mergeRuns(view).reverse();
  if (runs.length === 0) return i32.const(0);
  const rest = f.keep(index);
  let offset: I32 | null = null;
  runs.forEach(({ size, stride }, i) => {
    const isOutermost = i === runs.length - 1;
    if (stride !== 0) {
      const at = isOutermost ? rest : i32.rem_u(rest, i32.const(size));
      const part = times(f.keep(at), stride * bytes);
      offset = f.keep(offset === null ? part : i32.add(offset, part));
    }
    if (!isOutermost) f.set(rest, i32.div_u(rest, i32.const(size)));
  });
  return offset ?? i32.const(0);
}
