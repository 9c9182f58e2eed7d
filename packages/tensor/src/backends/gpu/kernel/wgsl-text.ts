// Writes element offsets and formulas as WGSL.

import type { Shape } from '../../../array/shape.ts';

/**
 * `offset + Σ indices · strides` as i32 text of WGSL, for the element with row-major index `flat` in `shape`.
 *
 * @param flat A name, or text that may stand in a division.
 */
export function placeOf(
  flat: string,
  shape: Shape,
  strides: readonly number[],
  offset: number,
): string {
  let below = shape.reduce((product, size) => product * size, 1);
  const terms = shape.flatMap((size, axis) => {
    below /= size;
    if (strides[axis] === 0 || size === 1) return [];
    const upper = below === 1 ? flat : `${flat} / ${below}`;
    return [`${axis === 0 ? upper : `${upper} % ${size}`} * ${strides[axis]}`];
  });
  return [...terms, String(offset)].join(' + ');
}

/** Translates a formula of kernel texts to WGSL. The formula calls only intrinsics. */
export function formulaOf(text: string): string {
  return text.replaceAll(/\b([A-Za-z]\w*)\(/g, 'fn_$1(');
}
