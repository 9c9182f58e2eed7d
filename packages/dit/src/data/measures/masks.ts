// Masks for inpainting: which pixels of an image are to be drawn, and the image with the others alone.

import { NO_PIXEL } from '../../model/conditions/map.ts';
import { scramble } from '../batches.ts';

/** Marks the pixels of a square image that are to be drawn by 1. `next` gives random numbers in [0, 1). */
type MaskOf = (size: number, next: () => number) => Uint8Array;

/** A random length: a quarter to three quarters of a side. */
function part(size: number, next: () => number): number {
  return Math.max(1, Math.round(size * (0.25 + 0.5 * next())));
}

/** A box somewhere. */
const box: MaskOf = (size, next) => {
  const [height, width] = [part(size, next), part(size, next)];
  const top = Math.floor(next() * (size - height + 1));
  const left = Math.floor(next() * (size - width + 1));
  const mask = new Uint8Array(size ** 2);
  for (let row = top; row < top + height; row++) {
    mask.fill(1, row * size + left, row * size + left + width);
  }
  return mask;
};

/** All but a box. */
const surroundings: MaskOf = (size, next) => box(size, next).map((drawn) => 1 - drawn);

/** All on one side of a line across the image: above, below, left or right of it. */
const half: MaskOf = (size, next) => {
  const border = part(size, next);
  const [isColumn, isFirst] = [next() < 0.5, next() < 0.5];
  return Uint8Array.from({ length: size ** 2 }, (_, pixel) => {
    const at = isColumn ? pixel % size : Math.floor(pixel / size);
    return at < border === isFirst ? 1 : 0;
  });
};

/** Most strokes of a brush, and most straight pieces of a stroke. */
const STROKES = 4;
const PIECES = 4;

/** Strokes of a brush: lines of several straight pieces, each stroke as wide as its brush. */
const strokes: MaskOf = (size, next) => {
  const mask = new Uint8Array(size ** 2);
  const count = 1 + Math.floor(STROKES * next());
  for (let stroke = 0; stroke < count; stroke++) {
    const radius = Math.max(1, size * (0.03 + 0.07 * next()));
    const pieces = 1 + Math.floor(PIECES * next());
    let [x, y, angle] = [size * next(), size * next(), 2 * Math.PI * next()];
    for (let piece = 0; piece < pieces; piece++) {
      const length = Math.round(size * (0.1 + 0.3 * next()));
      for (let step = 0; step <= length; step++) {
        stamp(mask, size, x, y, radius);
        x = Math.min(size, Math.max(0, x + Math.cos(angle)));
        y = Math.min(size, Math.max(0, y + Math.sin(angle)));
      }
      angle += Math.PI * (next() - 0.5);
    }
  }
  return mask;
};

/** Marks the pixels whose centres lie within a disc. */
function stamp(mask: Uint8Array, size: number, x: number, y: number, radius: number): void {
  const [top, bottom] = [Math.max(0, Math.floor(y - radius)), Math.min(size - 1, y + radius)];
  const [left, right] = [Math.max(0, Math.floor(x - radius)), Math.min(size - 1, x + radius)];
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const isInside = (row + 0.5 - y) ** 2 + (column + 0.5 - x) ** 2 <= radius ** 2;
      if (isInside) mask[row * size + column] = 1;
    }
  }
}

const MASKS = [box, surroundings, half, strokes];

/**
 * The mask of an image in training: a box, all but a box, a half, or strokes of a brush, each as often as the others.
 * Image and epoch decide it, so that a training can be repeated, and an image comes with other masks later.
 *
 * Source: Yu et al. 2019, "Free-form image inpainting with gated convolution", section 3.4, for masks by brushes that
 * turn at random, beside rectangles.
 *
 * @param size side of the image in pixels
 * @param image its number
 * @param epoch how often it came before
 * @returns `[size, size]`: 1 where pixels are to be drawn
 */
export function trainingMask(size: number, image: number, epoch: number): Uint8Array {
  const stream = scramble(scramble(image ^ 0x85ebca6b) + epoch);
  let drawn = 0;
  const next = (): number => scramble(stream ^ scramble(drawn++)) / 2 ** 32;
  const kind = Math.floor(MASKS.length * next());
  return MASKS[kind](size, next);
}

/**
 * An image as the condition `inpaint` takes it: pixels in [0, 1] where they are known, and unknown ones where they are
 * to be drawn.
 *
 * @param image `[channels, size, size]` in [-1, 1], row-major
 * @param mask `[size, size]`: 1 where pixels are to be drawn
 * @returns `[channels, size, size]`
 */
export function knownPixels(image: Float32Array, mask: Uint8Array): Float32Array {
  return image.map((value, i) =>
    mask[i % mask.length] === 1 ? NO_PIXEL : Math.max(0, (value + 1) / 2),
  );
}
