// What a plan is: kernels in order over buffers with fixed places.

import type { DType } from '../array/dtype.ts';
import type { Shape } from '../array/shape.ts';
import type { Kernel } from './kernel.ts';

/** Where a buffer of a plan lives. */
export type Place =
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'constant'; readonly index: number }
  | { readonly kind: 'output'; readonly index: number }
  | { readonly kind: 'arena'; readonly offset: number };

/** A row-major run of elements that kernels read and write. */
export interface PlanBuffer {
  readonly dtype: DType;
  /** Number of elements. */
  readonly size: number;
  readonly place: Place;
}

/** One result of a plan. */
export interface PlanOutput {
  readonly shape: Shape;
  readonly dtype: DType;
  /** The donated input whose storage becomes the output's; `null` if it needs storage of its own. */
  readonly donatedInput: number | null;
}

/**
 * A program that is ready for a backend: kernels in order, over buffers with fixed places. It contains all
 * that a backend must know; a backend never sees tensors.
 */
export interface Plan {
  readonly buffers: readonly PlanBuffer[];
  readonly kernels: readonly Kernel[];
  readonly inputs: number;
  readonly constants: number;
  readonly outputs: readonly PlanOutput[];
  /** Bytes of scratch memory that the intermediate buffers share. */
  readonly arenaBytes: number;
}

/** The donated inputs that kernels before `end` write over. */
export function overwrittenInputs(
  { buffers, kernels, outputs }: Plan,
  end: number,
): readonly number[] {
  const written = kernels.slice(0, end).flatMap((kernel) => kernel.outputs);
  const places = written.map(({ buffer }) => buffers[buffer].place);
  return outputs.flatMap(({ donatedInput }, i) => {
    const isWritten = places.some((place) => place.kind === 'output' && place.index === i);
    return donatedInput !== null && isWritten ? [donatedInput] : [];
  });
}
