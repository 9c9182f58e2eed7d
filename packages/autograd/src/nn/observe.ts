// observe: a copy of a model that reports what every module inside computes.

import { checkFunction, Tensor, tree, TreeNode } from '@tessera/tensor';
import { expectModule, type Module } from './module.ts';

/** Called after the `forward` of each module with its path in the model, what it gave, and the tensors it was given. */
export type Observer = (path: string, output: Tensor, inputs: readonly Tensor[]) => void;

/**
 * A copy of a model, on the same tensors, that reports what each module inside computes: for
 * inspecting activations without a word about it in the model.
 *
 * Paths are those of the parameters: `blocks.0.attn.qkv`, and `''` for the model itself. Where a model
 * calls a part by another method than `forward`, nothing is reported.
 *
 * @example
 * const model = new Mlp(4, 8, { key: key(0) });
 * const activations = new Map<string, Tensor>();
 * observe(model, (path, output) => activations.set(path, output)).forward(ones([2, 4]));
 * activations.get('fc1')?.shape; // [2, 8]
 */
export function observe<M extends Module>(model: M, observer: Observer): M {
  expectModule('observe', model);
  checkFunction('observe', observer);
  return wrapForward(model, (path, run, inputs) => {
    const output = run();
    if (output instanceof Tensor) {
      observer(
        path,
        output,
        inputs.filter((input) => input instanceof Tensor),
      );
    }
    return output;
  });
}

/** Stands in for the `forward` of the module at `path`; `run` is that forward on the same inputs. */
export type Wrapper = (path: string, run: () => unknown, inputs: readonly unknown[]) => unknown;

/** A copy of a model, on the same tensors, whose modules compute `wrapper` in place of `forward`. */
export function wrapForward<M extends Module>(model: M, wrapper: Wrapper): M {
  tree.leaves(model); // refuses a model that contains itself
  const visit = (node: unknown, path: string): unknown => {
    if (tree.children(node) === null) return node;
    const copy = tree.mapChildren(node, (child, key) =>
      visit(child, path === '' ? key : `${path}.${key}`),
    ) as Record<string, unknown>;
    const { forward } = copy;
    if (node instanceof TreeNode && typeof forward === 'function') {
      copy['forward'] = function wrapped(this: unknown, ...inputs: unknown[]): unknown {
        return wrapper(path, (): unknown => Reflect.apply(forward, this, inputs), inputs);
      };
    }
    return copy;
  };
  return visit(model, '') as M;
}
