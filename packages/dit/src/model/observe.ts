import type { Module } from '@tessera/autograd/nn';
import { Tensor, TreeNode } from '@tessera/tensor';

/** Called after the `forward` of each module with its path in the model, what it gave, and what it was given. */
export type Observer = (path: string, output: Tensor, inputs: readonly Tensor[]) => void;

/**
 * A copy of a model, on the same tensors, that reports what each module inside computes: for
 * inspecting activations without a word about it in the model.
 *
 * Paths are those of the parameters: `blocks.0.attn.qkv`, and `''` for the model itself. Where a model
 * calls a part by another method than `forward`, nothing is reported.
 *
 * @example
 * const activations = new Map<string, Tensor>();
 * observe(model, (path, output) => activations.set(path, output)).forward(x, t, y);
 */
export function observe<M extends Module>(model: M, observer: Observer): M {
  return observeNode(model, '', observer) as M;
}

function observeNode(node: unknown, path: string, observer: Observer): unknown {
  const below = (key: string): string => (path === '' ? key : `${path}.${key}`);
  if (Array.isArray(node))
    return node.map((child: unknown, i) => observeNode(child, below(String(i)), observer));
  if (!(node instanceof TreeNode)) return node;
  const copy = Object.create(Object.getPrototypeOf(node) as object) as Record<string, unknown>;
  for (const [key, child] of Object.entries(node))
    copy[key] = observeNode(child, below(key), observer);
  const { forward } = copy;
  if (typeof forward === 'function') {
    copy.forward = function observed(this: unknown, ...inputs: Tensor[]): unknown {
      const output: unknown = Reflect.apply(forward, this, inputs);
      if (output instanceof Tensor) observer(path, output, inputs);
      return output;
    };
  }
  return copy;
}
