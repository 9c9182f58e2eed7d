// A model as a sampler calls it, compiled, with what it computes on the way.

import {
  guidedByConditions,
  observeForward,
  type ConditionValues,
  type DiT,
  type ObservedForward,
} from '@tessera/dit';
import { compile, scalar, stack, type Tensor } from '@tessera/tensor';

/** A prediction, and what the model computed for it. Its batch is [without label, with label], or the latter alone. */
export interface WatchedForward {
  /** What the sampler goes on with: `[1, Cout, h, w]`. */
  readonly prediction: Tensor;
  /** Every output of the model: `[B, Cout, h, w]`. */
  readonly outputs: Tensor;
  /** `[B, depth, N, T, T]` */
  readonly attention: Tensor;
  /** `[B, depth, 2, D]`, or none for a design without gates. */
  readonly gates: readonly Tensor[];
  /** What the first block is told: `[B, D]` or `[B, 2, D]`. */
  readonly condition: Tensor;
}

/** The forward pass without guidance; a flow map is told the end of its step. */
const alone = compile(
  (model: DiT, x: Tensor, t: Tensor, values: ConditionValues, more: { readonly end?: Tensor }) => {
    const seen = observeForward(model, x, t, values, more);
    return collected(seen.output, seen);
  },
);

/** Both forward passes of guidance, as one batch. */
const guided = compile(
  (model: DiT, x: Tensor, t: Tensor, values: ConditionValues, scale: Tensor) => {
    const all: ObservedForward[] = [];
    const watched = {
      nullConditions: (batch: number) => model.nullConditions(batch),
      forward: (xs: Tensor, ts: Tensor, ys: ConditionValues): Tensor => {
        const seen = observeForward(model, xs, ts, ys);
        all.push(seen);
        return seen.output;
      },
    };
    const prediction = guidedByConditions(watched, x, t, values, { scale });
    return collected(prediction, all[0]);
  },
);

/** Calls the model for one latent `[1, C, h, w]`. */
export function watch(
  model: DiT,
  x: Tensor,
  t: Tensor,
  values: ConditionValues,
  guidance: number | null,
  end?: Tensor,
): WatchedForward {
  return guidance === null
    ? alone(model, x, t, values, end === undefined ? {} : { end })
    : guided(model, x, t, values, scalar(guidance));
}

function collected(prediction: Tensor, { output, blocks }: ObservedForward): WatchedForward {
  const gates = blocks.flatMap((block) =>
    block.gates === null ? [] : [stack([block.gates.attn, block.gates.mlp], 1)],
  );
  return {
    prediction,
    outputs: output,
    attention: stack(
      blocks.map(({ attention }) => attention),
      1,
    ),
    gates: gates.length === 0 ? [] : [stack(gates, 1)],
    condition: blocks[0].condition,
  };
}
