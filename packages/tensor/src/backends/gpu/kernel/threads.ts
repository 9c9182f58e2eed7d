// Spreads the indices of a shape over threads, and turns thread indices into memory offsets.

import type { Shape } from '../../../array/shape.ts';
import { sizeOf } from '../../../array/shape.ts';

/** How the indices of a shape are spread over the threads of a kernel. */
export interface Threads {
  /** Threads along x, y and z. */
  readonly output: readonly number[];
  /** The index along each axis of the shape, as integer text. */
  readonly indices: readonly string[];
}

/** Workgroups along one dimension that every device accepts. */
export const MAX_GROUPS = 65535;

/** Threads along each side of a square workgroup. */
const GROUP_SIDE = 8;

/**
 * Gives every index of `shape` a thread, in row-major order with x along the last axis. Up to three axes need
 * no division; further axes share z. Use the integer texts inline: gpu.js keeps integers only inside one
 * expression, and a local variable would be a float.
 */
export function spread(shape: Shape): Threads {
  const axes = shape.flatMap((size, axis) => (size === 1 ? [] : [axis]));
  const indices = shape.map(() => '0');
  if (axes.length === 0) return { output: [1], indices };
  const place = (flat: string, along: readonly number[]): void => {
    const sizesAlong = along.map((axis) => shape[axis]);
    unravel(flat, sizesAlong).forEach((index, i) => {
      indices[along[i]] = index;
    });
  };
  const sizes = axes.map((axis) => shape[axis]).reverse();
  const [x, y = 1, ...rest] = sizes;
  const outer = sizeOf(rest);
  if (x > MAX_GROUPS * GROUP_SIDE || y > MAX_GROUPS * GROUP_SIDE || outer > MAX_GROUPS) {
    place('this.thread.x', axes);
    return { output: [sizeOf(sizes)], indices };
  }
  axes.slice(-2).forEach((axis, i, last) => {
    indices[axis] = i === last.length - 1 ? 'this.thread.x' : 'this.thread.y';
  });
  place('this.thread.z', axes.slice(0, -2));
  return { output: [x, y, outer].slice(0, Math.min(3, axes.length)), indices };
}

/** The index along each axis of the row-major index `flat`, as integer text. */
export function unravel(flat: string, shape: Shape): string[] {
  let below = 1;
  const indices = [...shape.entries()].reverse().map(([axis, size]) => {
    const upper = below === 1 ? flat : `quotient(${flat}, ${below})`;
    below *= size;
    return axis === 0 ? upper : `remainder(${upper}, ${size})`;
  });
  return indices.reverse();
}

/**
 * `offset + Σ indices[i] · strides[i]` as integer text. It always names a thread or a loop counter, because
 * gpu.js emits GLSL that does not compile for a bare number as the index of a texture.
 */
export function offsetText(
  offset: number,
  strides: readonly number[],
  indices: readonly string[],
): string {
  const terms = indices.flatMap((index, i) => {
    if (strides[i] === 0 || index === '0') return [];
    return [strides[i] === 1 ? index : `${index} * ${strides[i]}`];
  });
  if (terms.length === 0) terms.push('this.thread.x * 0');
  if (offset !== 0) terms.push(String(offset));
  return terms.join(' + ');
}
