// The steps of a tape: each node once forward, and then, from the last one on, each that a cotangent reaches.

import type { TapeBox, TapeFacts } from './code-messages.ts';

/** One step. */
export interface Step {
  readonly node: number;
  readonly isForward: boolean;
}

type Tape = Pick<TapeFacts, 'nodes' | 'isReached'>;

/** The nodes that the sweep visits, in its order. */
function swept({ isReached }: Tape): readonly number[] {
  return isReached.flatMap((isIt, node) => (isIt ? [node] : [])).reverse();
}

/** The number of steps forward and backward, and one more that shows the leaves. */
export function totalSteps(tape: Tape): number {
  return tape.nodes.length + swept(tape).length + 1;
}

/** The last step of `done` steps; `null` before the first and when all is done. */
export function stepAt(tape: Tape, done: number): Step | null {
  if (done <= 0 || done >= totalSteps(tape)) return null;
  const forward = tape.nodes.length;
  if (done <= forward) return { node: done - 1, isForward: true };
  return { node: swept(tape)[done - forward - 1], isForward: false };
}

/** What a box has after `done` steps: a leaf gets its cotangent when its first reader has been swept. */
export function stateAfter(
  tape: Tape,
  done: number,
): (box: TapeBox) => { readonly hasValue: boolean; readonly hasCotangent: boolean } {
  const isDone = done >= totalSteps(tape);
  const step = stepAt(tape, done);
  const [valued, back] =
    step === null
      ? [isDone ? Infinity : -1, isDone ? -1 : Infinity]
      : step.isForward
        ? [step.node, Infinity]
        : [Infinity, step.node];
  return ({ kind, first, last }) => ({
    hasValue: kind === 'leaf' || last <= valued,
    // The cotangent of a leaf is complete one step after its first reader sent its part.
    hasCotangent: kind === 'leaf' ? first > back || isDone : last >= back,
  });
}
