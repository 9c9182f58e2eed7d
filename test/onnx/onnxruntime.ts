/** Models run by onnxruntime-node, beside what wrote them. */
import { tensor, type Tensor } from '@tessera/tensor';
import type { OnnxModel } from '@tessera/onnx';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';

/** One thread, so that sums are taken in one order; errors alone are printed. */
const OPTIONS: InferenceSession.SessionOptions = { intraOpNumThreads: 1, logSeverityLevel: 3 };

/** A model that is loaded: it takes the tensors of the arguments, and gives those of the result. */
export interface LoadedModel {
  run(inputs: readonly Tensor[]): Promise<readonly Tensor[]>;
  release(): Promise<void>;
}

/** Loads a model into onnxruntime-node. */
export async function load({ bytes, inputs, outputs }: OnnxModel): Promise<LoadedModel> {
  const session = await InferenceSession.create(bytes, OPTIONS);
  return {
    run: async (values) => {
      const feeds = inputs.map(({ name }, i) => [name, toOrt(values[i])] as const);
      const results = await session.run(Object.fromEntries(feeds));
      return outputs.map(({ name, shape, dtype }) =>
        tensor(results[name].data as Float32Array, { shape, dtype }),
      );
    },
    release: () => session.release(),
  };
}

function toOrt(x: Tensor): OrtTensor {
  return new OrtTensor(x.dtype, x.dataSync().slice(), x.shape);
}
