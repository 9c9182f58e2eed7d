// Which tensors of a tree are trained, what they are called, and Buffer for those that are not.

import { StateError, Tensor, tree, TreeNode } from '@tessera/tensor';

/**
 * A tensor that belongs to a model but is not trained: a table of position encodings, a running
 * mean. Gradients, optimizers and `namedParameters` pass it by; checkpoints and exponential moving
 * averages hold it. In paths it is transparent: the buffer in field `pos_embed` is called
 * `pos_embed`, not `pos_embed.value`.
 *
 * @example
 * class Shift extends Module {
 *   readonly offset: Buffer = new Buffer(ones([3]));
 *   forward(x: Tensor): Tensor {
 *     return x.add(this.offset.value);
 *   }
 * }
 * countParameters(new Shift()); // 0
 */
export class Buffer extends TreeNode {
  static override readonly name: string = 'Buffer';
  readonly value: Tensor;

  constructor(value: Tensor) {
    super();
    this.value = value;
  }
}

/** One tensor of a tree. */
export interface NamedLeaf {
  /** Field names and indices joined by dots: the key of a checkpoint. */
  readonly path: string;
  readonly tensor: Tensor;
  /** Whether it takes part in training: a float32 tensor outside of every {@link Buffer}. */
  readonly trainable: boolean;
}

/**
 * The leaves of a tree, in the order of `tree.leaves`, with their paths and whether they are trained.
 *
 * @throws StateError if two leaves have one path, as in `{ 'a.b': x, a: { b: y } }`.
 * @example
 * const model = { w: ones([2]), ids: tensor([1], { dtype: 'int32' }) };
 * namedLeaves(model).map(({ path, trainable }) => [path, trainable]); // [['w', true], ['ids', false]]
 */
export function namedLeaves(root: unknown): readonly NamedLeaf[] {
  const found = new Map<string, NamedLeaf>();
  const add = (path: string, tensor: Tensor, isBuffer: boolean): void => {
    if (found.has(path)) {
      throw new StateError('tree', `two tensors have the path '${path}'. Rename a key with a dot.`);
    }
    found.set(path, { path, tensor, trainable: !isBuffer && tensor.dtype === 'float32' });
  };
  tree.walk(root, (node, path) => {
    if (node instanceof Tensor) add(path, node, false);
    if (!(node instanceof Buffer)) return true;
    if (node.value instanceof Tensor) add(path, node.value, true);
    return false;
  });
  return [...found.values()];
}
