// What a plan is: kernels in order over buffers with fixed places.

import type { DType } from '../array/dtype.ts';
import type { Shape } from '../array/shape.ts';
import { formatKernel, type Kernel } from './kernel.ts';

/** Where a buffer of a plan lives. */
export type Place =
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'constant'; readonly index: number }
  | { readonly kind: 'output'; readonly index: number }
  | { readonly kind: 'arena'; readonly offset: number };

/** A row-major run of elements that kernels read and write. */
export interface PlanBuffer {
  readonly dtype: DType;
  /** Elements. */
  readonly size: number;
  readonly place: Place;
}

/** One result of a plan. */
export interface PlanOutput {
  readonly shape: Shape;
  readonly dtype: DType;
  /** The donated input whose storage the output takes over, or `null` if it needs storage of its own. */
  readonly donatedInput: number | null;
}

/**
 * A program ready for a backend: kernels in order, over buffers with fixed places. Everything that
 * a backend must know is here; it never sees tensors.
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

/**
 * Prints a plan: its buffers' places, then one line a kernel, and behind a `#` the modules that it
 * computes parts of, if there are any.
 *
 * @example
 * const program = trace(([x]) => [x.mul(2).exp()], [{ shape: [3], dtype: 'float32' }]);
 * formatPlan(planProgram(simplify(program))).split('\n')[0]; // 'plan: 1 kernel, arena 0 bytes'
 */
export function formatPlan(plan: Plan): string {
  const letters = { input: 'in', constant: 'const', output: 'out', arena: 'tmp' } as const;
  const names = plan.buffers.map(({ place }, i) =>
    place.kind === 'arena' ? `tmp${i}` : `${letters[place.kind]}${place.index}`,
  );
  const buffers = plan.buffers
    .map(({ dtype, size, place }, i) => ({ line: `  ${names[i]}: ${dtype} × ${size}`, place }))
    .filter(({ place }) => place.kind === 'arena')
    .map(({ line, place }) => (place.kind === 'arena' ? `${line} at byte ${place.offset}` : line));
  const donations = plan.outputs
    .map(({ donatedInput }, i) =>
      donatedInput === null ? '' : `  out${i} takes over in${donatedInput}`,
    )
    .filter((line) => line !== '');
  const kernels = plan.kernels.map((kernel) => {
    const line = `  ${formatKernel(kernel, (buffer) => names[buffer])}`;
    return kernel.scopes === undefined ? line : `${line}  # ${kernel.scopes.join(', ')}`;
  });
  const count = `${kernels.length} ${kernels.length === 1 ? 'kernel' : 'kernels'}`;
  return [
    `plan: ${count}, arena ${plan.arenaBytes} bytes`,
    ...donations,
    ...buffers,
    ...kernels,
  ].join('\n');
}
