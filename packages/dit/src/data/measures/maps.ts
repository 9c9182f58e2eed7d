// Maps over images as conditions: depth, edges and low resolution, computed from the pixels.

import { ShapeError } from '@tessera/tensor';
import { checkArray, checkChoice, checkWhole } from '../../config/argument-check.ts';
import { distanceTransform } from './distance.ts';

/** Pixels from this byte on are ink. */
const INK = 128;

/** The depth of a pixel this far inside a stroke is 1. No stroke of MNIST is wider than twice this. */
const DEEPEST = 6;

/** Side of the squares of one grey value in low resolution. */
const BLOCK = 4;

/** Computes a map `[size, size]` in [0, 1] of a square image of bytes. */
export type MapOf = (pixels: Uint8Array, size: number) => Float32Array;

/** Depth: how far a pixel lies inside a stroke, by the distance transform, as if strokes were round tubes. */
function depthOf(pixels: Uint8Array, size: number): Float32Array {
  const distances = distanceTransform((pixel) => pixels[pixel] >= INK, size, size);
  return Float32Array.from(distances, (distance) => Math.min(1, distance / DEEPEST));
}

/** A sketch: the pixels of a stroke that touch its outside, 1 on 0. */
function sketchOf(pixels: Uint8Array, size: number): Float32Array {
  const distances = distanceTransform((pixel) => pixels[pixel] >= INK, size, size);
  return Float32Array.from(distances, (distance) => (distance > 0 && distance < 1.1 ? 1 : 0));
}

/** Low resolution: the mean of each square of 4×4 pixels. */
function lowResolutionOf(pixels: Uint8Array, size: number): Float32Array {
  const blocks = Math.ceil(size / BLOCK);
  const sums = new Float64Array(blocks ** 2);
  const counts = new Float64Array(blocks ** 2);
  const blockOf = (pixel: number): number =>
    Math.floor(pixel / size / BLOCK) * blocks + Math.floor((pixel % size) / BLOCK);
  pixels.forEach((byte, pixel) => {
    sums[blockOf(pixel)] += byte;
    counts[blockOf(pixel)]++;
  });
  return Float32Array.from(pixels, (_, pixel) => {
    const block = blockOf(pixel);
    return sums[block] / counts[block] / 255;
  });
}

/** The maps by the names of their conditions. */
export const maps: Readonly<Record<'depth' | 'sketch' | 'lowres', MapOf>> = {
  depth: depthOf,
  sketch: sketchOf,
  lowres: lowResolutionOf,
};

/**
 * The map of an image that a condition of that name takes. Depth is the distance to the nearest pixel without ink
 * (the source is that of {@link strokeOf}), divided by 6; a sketch is the border of the ink; `lowres` has the mean
 * of each square of 4×4 pixels.
 *
 * @param pixels bytes of a square image, row by row; 128 and more are ink
 * @param size side of the image in pixels
 * @returns `[size, size]` in [0, 1], row-major
 * @throws ShapeError unless there is a byte for each pixel
 * @example
 * conditionMap('depth', Uint8Array.of(255, 0, 0, 0), 2); // [0.1666666716337204, 0, 0, 0]
 */
export function conditionMap(
  name: 'depth' | 'sketch' | 'lowres',
  pixels: Uint8Array,
  size: number,
): Float32Array {
  checkChoice('conditionMap', 'map', name, Object.keys(maps));
  checkArray('conditionMap', 'pixels', pixels, 'Uint8Array');
  checkWhole('conditionMap', 'size', size, 1);
  if (pixels.length === size ** 2) return maps[name](pixels, size);
  throw new ShapeError(
    'conditionMap',
    `there are ${pixels.length} bytes, expected ${size ** 2} for an image of ${size}×${size}.`,
    [[pixels.length], [size, size]],
  );
}
