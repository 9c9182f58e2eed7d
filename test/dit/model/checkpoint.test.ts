import { valueAndGrad } from '@tessera/autograd';
import { DESIGNS, diffusionLoss, DiT, type Design } from '@tessera/dit';
import { presetConfig } from '@tessera/dit/node';
import { compile, key, normal, tensor, tree, type Tensor } from '@tessera/tensor';
import { planProgram, recomputeAtPeak, simplify, trace } from '@tessera/tensor/extend';
import { describe, expect, it } from 'vitest';

function modelOf(design: Design, depth: number): DiT {
  const config = { ...presetConfig('smoke').model, design, depth, hiddenSize: 32 };
  return tree.map(
    (x) => (x.dtype === 'float32' ? x.add(normal(key(x.size), x.shape).mul(0.02)) : x),
    DiT.init(config, key(2)),
  );
}

const int32 = (...values: number[]): Tensor => tensor(values, { dtype: 'int32' });
const x = normal(key(1), [3, 4, 8, 8]);

/** The loss of a model of which so many blocks are computed again. */
const lossOf =
  (checkpoint: number) =>
  (model: DiT): Tensor =>
    model
      .forward(x, int32(1, 500, 999), int32(0, 3, 9), { checkpoint })
      .square()
      .mean();

const numbers = (root: unknown): number[][] =>
  tree.leaves(root).map((leaf) => [...leaf.dataSync()]);

/**
 * A block reads the condition at several places. Their cotangents are summed up in the block first, and not one after
 * the other over all blocks: sums of some ten terms, each of which rounds by 2⁻²⁴.
 */
const ROUNDING = 16 * 2 ** -24;

/** Compiled products also sum in other orders, over up to 3 · 4 tokens and 128 features: see ROUNDING. */
const COMPILED = 256 * 2 ** -24;

/** The largest difference, beside the largest number of its tensor. */
function distance(a: readonly number[][], b: readonly number[][]): number {
  const each = a.map((xs, i) => {
    const largest = Math.max(1e-30, ...xs.map(Math.abs));
    return Math.max(...xs.map((value, j) => Math.abs(value - b[i][j]))) / largest;
  });
  return Math.max(...each);
}

describe('a DiT with checkpoints', () => {
  it.each(DESIGNS)(
    'of design %s gives the same loss, and the gradient up to rounding',
    (design) => {
      const model = modelOf(design, 3);
      const plain = numbers(valueAndGrad(lossOf(0))(model));
      const checked = [1, 3, 9].map((checkpoint) =>
        numbers(valueAndGrad(lossOf(checkpoint))(model)),
      );
      const compiled = compile(valueAndGrad(lossOf(3)), { passes: [recomputeAtPeak] });
      const [[loss], ...grads] = plain;
      for (const [[found], ...others] of checked) {
        expect(found).toBe(loss);
        expect(distance(grads, others)).toBeLessThan(ROUNDING);
      }
      expect(distance(plain, numbers(compiled(model)))).toBeLessThan(COMPILED);
    },
  );

  it('needs less memory the more blocks there are', () => {
    const smoke = presetConfig('smoke');
    const config = { ...smoke, model: { ...smoke.model, patchSize: 2, depth: 6 } };
    const mean = normal(key(1), [32, config.model.inChannels, 8, 8]);
    const batch = {
      posterior: { mean, logVariance: mean },
      labels: int32(...Array<number>(32).fill(1)),
    };
    const bytes = (checkpoint: number): number => {
      const loss = valueAndGrad(diffusionLoss(config, 1, { checkpoint }));
      const flat = tree.flatten([DiT.blank(config.model), batch] as const);
      const program = trace(
        (inputs) => tree.leaves(loss(...flat.unflatten(inputs), key(0))),
        flat.leaves,
        {
          composites: new Set([
            'attention',
            'attentionGrad',
            'layerNormStatistics',
            'layerNormGrad',
          ]),
          capture: (constant) => {
            if (constant.value.kind !== 'stored') throw new Error('only tables are captured');
            return constant.value.storage;
          },
        },
      );
      return planProgram(simplify(program), [], undefined, new Set(['matmul']), [recomputeAtPeak])
        .arenaBytes;
    };
    const [none, half, all] = [0, 3, 6].map(bytes);
    // Of six blocks one lies there whole while it is pulled back, and of the others the input: a tenth of a block.
    expect(half).toBeLessThan(0.75 * none);
    expect(all).toBeLessThan(0.5 * none);
  });
});
