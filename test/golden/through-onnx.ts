import { toOnnx } from '@tessera/onnx';
import { formatSpec, tree, type FlatTree } from '@tessera/tensor';
import { load, type LoadedModel } from '../onnx/onnxruntime.ts';
import type { Through } from './golden-case.ts';

/** onnxruntime-node as the engine of functions. */
export interface OnnxEngine {
  /** Makes of a function of trees one that onnxruntime runs: a model for each structure of arguments. */
  readonly through: Through;
  /** Gives back all models. */
  close(): Promise<void>;
}

/** A model, and the structure of what it gives. */
interface ModelOf<R> {
  readonly model: LoadedModel;
  readonly result: FlatTree<R>;
}

/** Opens the engine. */
export function openOnnx(): OnnxEngine {
  const opened: LoadedModel[] = [];
  const open = async <A extends readonly unknown[], R>(
    f: (...args: A) => R,
    args: A,
  ): Promise<ModelOf<R>> => {
    let result: FlatTree<R> | undefined;
    const seen = (...traced: A): R => {
      const value = f(...traced);
      result = tree.flatten(value);
      return value;
    };
    const model = await load(await toOnnx<A>(seen, ...args));
    opened.push(model);
    if (result === undefined) throw new Error('the function was not called');
    return { model, result };
  };
  return {
    through: <A extends readonly unknown[], R>(f: (...args: A) => R) => {
      const models = new Map<string, Promise<ModelOf<R>>>();
      return async (...args: A) => {
        const { leaves, structure } = tree.flatten(args);
        const kind = `${structure} ${leaves.map(formatSpec).join()}`;
        const known = models.get(kind) ?? open(f, args);
        models.set(kind, known);
        const { model, result } = await known;
        return result.unflatten(await model.run(leaves));
      };
    },
    close: async () => {
      for (const model of opened.splice(0)) await model.release();
    },
  };
}
