// The parts of a model by name, and the Euclidean norm of each.

import { namedLeaves } from '@tessera/autograd';
import { globalNorm } from '@tessera/autograd/optim';
import { scalar, stack, type Tensor } from '@tessera/tensor';

/** The part that a parameter belongs to: `blocks.3` for `blocks.3.attn.qkv.weight`, `x_embedder` for what is in there. */
function moduleOf(path: string): string {
  const [first, second = ''] = path.split('.');
  return /^\d+$/.test(second) ? `${first}.${second}` : first;
}

/** The trainable tensors of a model, by the part that they belong to. */
function partsOf(root: unknown): ReadonlyMap<string, readonly Tensor[]> {
  const parts = new Map<string, Tensor[]>();
  for (const { path, tensor, trainable } of namedLeaves(root)) {
    if (!trainable) continue;
    const name = moduleOf(path);
    parts.set(name, [...(parts.get(name) ?? []), tensor]);
  }
  return parts;
}

/** The names of the parts, in the order of {@link moduleNorms}. */
export function moduleNames(root: unknown): readonly string[] {
  return [...partsOf(root).keys()];
}

/** The norm of each part of a model over all trainable tensors, `[parts]`, also where squares would overflow. */
export function moduleNorms(root: unknown): Tensor {
  return stack([...partsOf(root).values()].map((tensors) => globalNorm(tensors)));
}

/**
 * The norm of each part of a gradient, `[parts]`. Clipping sums up the same squares, so a training step has these norms
 * at no cost. Where squares overflow they are infinite.
 */
export function gradientNorms(grads: unknown): Tensor {
  const norms = [...partsOf(grads).values()].map((tensors) =>
    tensors.reduce((sum, x) => sum.add(x.square().sum()), scalar(0)).sqrt(),
  );
  return stack(norms);
}
