import { Autoencoder, createDiffusion, ddimStep, DiT, guidedForward } from '@tessera/dit';
import { toOnnx } from '@tessera/onnx';
import { compile, key, normal, tensor, tree, type Tensor } from '@tessera/tensor';
import { describe, expect, it } from 'vitest';
import { expectSame } from '../ops/comparison.ts';
import { load } from './onnxruntime.ts';
import { TINY, tinyBatch, tinyStart, tinyStep } from './tiny-training.ts';

/** Sums of float32 in another order, through a whole model. */
const TOLERANCE = 1e-5;

/** AdamW divides a gradient by its own size. So the rounding errors of one that is nearly 0 count. */
const STATE_TOLERANCE = 1e-4;

describe('what Tessera trains and draws with, on onnxruntime-node', () => {
  it('a training step takes 50 steps with our losses, and ends at our weights', async () => {
    const model = await toOnnx(tinyStep, { state: tinyStart(), batch: tinyBatch(0) });
    expect(model.inputs.map(({ name }) => name)).toContain('state.model.blocks.0.attn.qkv.weight');
    expect(model.outputs.map(({ name }) => name)).toContain('next.model.blocks.0.attn.qkv.weight');
    const there = await load(model);
    const here = compile(tinyStep);
    let state = tinyStart();
    let values: readonly Tensor[] = tree.leaves(state);
    for (let i = 0; i < TINY.steps; i++) {
      const batch = tinyBatch(i);
      const results = await there.run([...values, ...tree.leaves(batch)]);
      const { next, metrics } = here({ state, batch });
      const loss = results[model.outputs.findIndex(({ name }) => name === 'metrics.loss')];
      expect(Math.abs((await loss.item()) - (await metrics.loss.item()))).toBeLessThan(1e-5);
      values = results.slice(0, values.length);
      state = next;
    }
    await expectSame(values, tree.leaves(state), STATE_TOLERANCE);
    await there.release();
  });

  it('a step of the sampler, guided', async () => {
    const model = DiT.init(TINY.model, key(4));
    const diffusion = createDiffusion({
      predicts: 'v',
      schedule: 'squaredcos_cap_v2',
      respacing: 10,
    });
    const step = (x: Tensor, t: Tensor, y: Tensor): Tensor => {
      const output = guidedForward(model, x, t, y, { scale: 2 });
      return ddimStep(diffusion, output, x, t, null).x;
    };
    const inputs = [
      normal(key(5), [2, 4, 8, 8]),
      tensor([7, 7], { dtype: 'int32' }),
      tensor([3, 1], { dtype: 'int32' }),
    ] as const;
    const exported = await toOnnx(step, ...inputs);
    expect(exported.inputs.map(({ name }) => name)).toEqual(['0', '1', '2']);
    const there = await load(exported);
    await expectSame(await there.run(inputs), [step(...inputs)], TOLERANCE);
    await there.release();
  });

  it('encoder and decoder', async () => {
    const autoencoder = new Autoencoder(TINY.autoencoder, key(6));
    const both = (images: Tensor): { readonly latents: Tensor; readonly images: Tensor } => {
      const { mean } = autoencoder.encode(images);
      return { latents: mean, images: autoencoder.decode(mean) };
    };
    const images = normal(key(7), [2, 1, 32, 32]);
    const model = await toOnnx(both, images);
    expect(model.outputs.map(({ name }) => name)).toEqual(['latents', 'images']);
    const there = await load(model);
    await expectSame(await there.run([images]), tree.leaves(both(images)), TOLERANCE);
    await there.release();
  });
});
