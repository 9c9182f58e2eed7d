// The two halves of a data set: the order of its images, and those that are held out for tests.

import { epochOrder } from './batches.ts';
import type { AnnotatedImages, DataHalf, GivenLatents, Labels } from './data-set.ts';

/** Of so many images one is held out for tests. */
const HELD_OUT = 10;

/** A set of fewer images is tested on what it trains on. */
const FEWEST_TO_SPLIT = 100;

/** Both halves of a set. */
export interface Halves<T extends DataHalf> {
  readonly train: T;
  readonly test: T;
}

/** Puts rows of `width` values into a new order, in place: what stood at `order[i]` comes to `i`. */
function reorder(values: Uint8Array | Int32Array | Float32Array, order: Int32Array): void {
  const width = values.length / order.length;
  const done = new Uint8Array(order.length);
  for (let start = 0; start < order.length; start++) {
    if (done[start] === 1) continue;
    const first = values.slice(start * width, (start + 1) * width);
    let to = start;
    for (let from = order[to]; from !== start; from = order[to]) {
      values.copyWithin(to * width, from * width, (from + 1) * width);
      done[to] = 1;
      to = from;
    }
    values.set(first, to * width);
    done[to] = 1;
  }
}

/**
 * Shuffles a set in place, always in the same way. Files often have one class behind the other, and a short training
 * would see only the first ones.
 */
export function shuffled<T extends DataHalf>(set: T): T {
  const order = epochOrder(set.count, 0, 0);
  const { labels, captions, maps = {} } = set;
  reorder('images' in set ? set.images : set.latents, order);
  if (labels !== undefined) reorder(labels, order);
  for (const map of Object.values(maps)) reorder(map, order);
  return captions === undefined
    ? set
    : { ...set, captions: Array.from(order, (image) => captions[image]) };
}

/** Some images of a set, as views. */
function part<T extends DataHalf>(set: T, start: number, end: number): T {
  const cut = <V extends Uint8Array | Float32Array | Int32Array>(values: V): V => {
    const width = values.length / set.count;
    return values.subarray(start * width, end * width) as V;
  };
  const { labels, captions, maps } = set;
  return {
    ...set,
    ...('images' in set ? { images: cut(set.images) } : { latents: cut(set.latents) }),
    count: end - start,
    ...(labels !== undefined && { labels: cut<Labels>(labels) }),
    ...(captions !== undefined && { captions: captions.slice(start, end) }),
    ...(maps !== undefined && {
      maps: Object.fromEntries(Object.entries(maps).map(([name, map]) => [name, cut(map)])),
    }),
  };
}

/**
 * Both halves of a set that is shuffled: each tenth image is held out for tests. No image is copied. A set of fewer
 * than 100 images trains and tests on all.
 */
export function holdOut<T extends AnnotatedImages | GivenLatents>(set: T): Halves<T> {
  if (set.count < FEWEST_TO_SPLIT) return { train: set, test: set };
  const kept = set.count - Math.floor(set.count / HELD_OUT);
  return { train: part(set, 0, kept), test: part(set, kept, set.count) };
}
