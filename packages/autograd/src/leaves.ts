import { Tensor, tree, TreeNode } from '@tessera/tensor';

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
 * @example
 * const model = { w: ones([2]), ids: tensor([1], { dtype: 'int32' }) };
 * namedLeaves(model).map(({ path, trainable }) => [path, trainable]); // [['w', true], ['ids', false]]
 */
export function namedLeaves(root: unknown): readonly NamedLeaf[] {
  const found: NamedLeaf[] = [];
  const visit = (node: unknown, path: string, frozen: boolean): void => {
    if (node instanceof Tensor) {
      found.push({ path, tensor: node, trainable: !frozen && node.dtype === 'float32' });
    } else if (node instanceof Buffer) {
      visit(node.value, path, true);
    } else {
      for (const [key, child] of tree.children(node) ?? []) {
        visit(child, path === '' ? key : `${path}.${key}`, frozen);
      }
    }
  };
  visit(root, '', false);
  return found;
}
