// The gradient rules of reshape, permute, slice, pad and other movements: each is a movement back.

import type { Tensor } from '@tessera/tensor';
import {
  apply,
  primitives,
  type AssemblyParams,
  type MovementParams,
} from '@tessera/tensor/extend';
import { rule, type VjpEntry } from './rule.ts';

type ViewParams = MovementParams & AssemblyParams;

/** Gradients of the movements and assemblies: each is the transposed movement. */
export const movement: { readonly [N in keyof ViewParams]: VjpEntry<ViewParams[N]> } = {
  alias: rule('y = x', ['x̄ = ȳ'], ([ȳ]) => [() => ȳ]),

  barrier: rule('y = x', ['x̄ = ȳ'], ([ȳ]) => [() => ȳ]),

  reshape: rule('y = x in another shape', ['x̄ = ȳ in the shape of x'], ([ȳ], { inputs: [x] }) => [
    () => ȳ.reshape(x.shape),
  ]),

  permute: rule('y = P x', ['x̄ = P⁻¹ ȳ'], ([ȳ], { params: { axes } }) => [
    () => ȳ.permute(axes.map((_, i) => axes.indexOf(i))),
  ]),

  expand: rule('y[i, j] = x[j]', ['x̄[j] = Σᵢ ȳ[i, j]'], ([ȳ], { inputs: [x] }) => [
    () => sumTo(ȳ, x.shape),
  ]),

  slice: rule(
    'y[i] = x[start + i·step]',
    ['x̄[start + i·step] = ȳ[i], elsewhere 0'],
    ([ȳ], { inputs: [x], params }) => [() => unslice(ȳ, x.shape, params)],
  ),

  pad: rule(
    'y[before + i·(interior + 1)] = x[i]',
    ['x̄[i] = ȳ[before + i·(interior + 1)]'],
    ([ȳ], { inputs: [x], params: { before, interior } }) => [
      () => {
        const steps = interior.map((n) => n + 1);
        return apply(primitives.slice, [ȳ], { starts: before, sizes: x.shape, steps })[0];
      },
    ],
  ),

  concat: rule(
    'y = [x₀ | x₁ | …]',
    ['x̄ₖ = the piece of ȳ at the place of xₖ'],
    ([ȳ], { inputs, params: { axis } }) => {
      let start = 0;
      return inputs.map((x) => {
        const range = [start, (start += x.shape[axis])] as const;
        return () => ȳ.slice(x.shape.map((_, i) => (i === axis ? range : null)));
      });
    },
  ),
};

/** Sums ȳ over the axes that broadcasting from `shape` added or stretched. */
function sumTo(ȳ: Tensor, shape: readonly number[]): Tensor {
  const added = ȳ.rank - shape.length;
  const stretched = ȳ.shape.flatMap((n, i) => (i < added || n !== shape[i - added] ? [i] : []));
  return ȳ.sum(stretched).reshape(shape);
}

/** Puts ȳ back at the place of a slice of a tensor of `shape`, with zeros elsewhere. */
function unslice(
  ȳ: Tensor,
  shape: readonly number[],
  { starts, sizes, steps }: ViewParams['slice'],
): Tensor {
  const backwards = steps.flatMap((step, i) => (step < 0 ? [i] : []));
  const reach = sizes.map((n, i) => (n === 0 ? 0 : (n - 1) * steps[i]));
  const before = starts.map((start, i) => Math.min(start, start + reach[i]));
  const after = shape.map((n, i) => n - before[i] - (sizes[i] === 0 ? 0 : Math.abs(reach[i]) + 1));
  const interior = steps.map((step) => Math.abs(step) - 1);
  const forwards = backwards.length === 0 ? ȳ : ȳ.flip(backwards);
  return apply(primitives.pad, [forwards], { before, after, interior })[0];
}
