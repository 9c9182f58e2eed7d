import { toOnnx } from '@tessera/onnx';
import { tree, type FlatTree } from '@tessera/tensor';
import { load } from '../onnx/onnxruntime.ts';

/** A function of trees of tensors as an ONNX model, which onnxruntime-node runs. */
export function throughOnnx<A extends readonly unknown[], R>(
  f: (...args: A) => R,
): (...args: A) => Promise<R> {
  return async (...args) => {
    let result: FlatTree<R> | undefined;
    const seen = (...traced: readonly unknown[]): R => {
      const value = f(...(traced as unknown as A));
      result = tree.flatten(value);
      return value;
    };
    const model = await load(await toOnnx(seen, ...args));
    try {
      const outputs = await model.run(tree.leaves(args));
      if (result === undefined) throw new Error('the function was not called');
      return result.unflatten(outputs);
    } finally {
      await model.release();
    }
  };
}
