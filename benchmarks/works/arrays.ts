// The numbers that all contenders are given, made from seeds.

import { LATENT, parameterShapes } from './dit.ts';
import type { Work } from './works.ts';

/** One array with its shape. */
export interface NamedArray {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Arrays by name, in order. */
export type Arrays = Readonly<Record<string, NamedArray>>;

/** Numbers in [0, 1) from a seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How many numbers an array of that shape has. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

function filled(shape: readonly number[], next: () => number): NamedArray {
  return { shape, data: Float32Array.from({ length: sizeOf(shape) }, next) };
}

/**
 * The operands of a work. An operation has standard normal ones. A model has its parameters (none is
 * zero, so that every gradient flows) and a batch: `x` and `noise` standard normal, whole timesteps `t`
 * up to 999 and labels `y`.
 */
export function makeArrays(work: Work): Arrays {
  const random = generator(20_261_123);
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const whole = (below: number) => (): number => Math.floor(random() * below);
  if (work.kind === 'peak') return {};
  if (work.kind === 'operation') {
    const entries = Object.entries(work.inputs);
    return Object.fromEntries(entries.map(([name, shape]) => [name, filled(shape, normal)]));
  }
  const parameters = parameterShapes(work.model).map(([name, shape]) => {
    const fanIn = sizeOf(shape.slice(1));
    const scale = shape.length === 1 || name.includes('table') ? 0.02 : 0.5 / Math.sqrt(fanIn);
    return [name, filled(shape, () => scale * normal())] as const;
  });
  const latents = [work.batch, LATENT.channels, LATENT.side, LATENT.side];
  return {
    ...Object.fromEntries(parameters),
    x: filled(latents, normal),
    noise: filled(latents, normal),
    t: filled([work.batch], whole(1000)),
    y: filled([work.batch], whole(LATENT.labels)),
  };
}

/** Splits the arrays of a model into parameters and batch. */
export function splitModelArrays({ x, noise, t, y, ...parameters }: Arrays): {
  readonly parameters: Arrays;
  readonly batch: Readonly<Record<'x' | 'noise' | 't' | 'y', NamedArray>>;
} {
  return { parameters, batch: { x, noise, t, y } };
}
