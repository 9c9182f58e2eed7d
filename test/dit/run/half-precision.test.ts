import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DiT, loadModule as loadBytes, encodeModule, zoo } from '@tessera/dit';
import { loadModule, saveModule } from '@tessera/dit/node';
import { Linear, loadTensors, namedTensors } from '@tessera/autograd/nn';
import { key, tensor } from '@tessera/tensor';
import { randomModel } from '../model/sizes.ts';

/** The spacing of half-precision floats around x: 2⁻¹⁰ of its power of two, and never below 2⁻²⁴. */
function spacing(x: number): number {
  return 2 ** Math.max(-24, Math.floor(Math.log2(Math.abs(x))) - 10);
}

describe('weights in half precision', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tessera-half-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('take half the bytes, lie within half a spacing, and then keep their bits', async () => {
    const config = { ...zoo['DiT-S/8'], inputSize: 8, hiddenSize: 16, depth: 1, numHeads: 2 };
    const model = randomModel({ ...config, numClasses: 10 }, key(0));
    const [full, half, again] = ['full', 'half', 'again'].map((name) =>
      join(folder, `${name}.safetensors`),
    );
    await saveModule(full, model);
    await saveModule(half, model, {}, { floats: 'F16' });
    const notices: string[] = [];
    const read = await loadModule(half, DiT.blank(model.config), {
      onNotice: (text) => notices.push(text),
    });
    const before = new Map(namedTensors(model));
    for (const [name, values] of namedTensors(read)) {
      const exact = before.get(name)?.dataSync() ?? [];
      const off = values.dataSync().findIndex((value, i) => {
        return Math.abs(value - exact[i]) > spacing(exact[i]) / 2;
      });
      expect(off, name).toBe(-1);
    }
    expect(notices).toEqual([`${half}: ${before.size} tensors are converted from F16.`]);
    await saveModule(again, read, {}, { floats: 'F16' });
    expect(await encodeModule(read, {}, { floats: 'F16' })).toEqual(
      await encodeModule(model, {}, { floats: 'F16' }),
    );
    const [large, small] = [(await stat(full)).size, (await stat(half)).size];
    const elements = [...before.values()].reduce((sum, { size }) => sum + size, 0);
    // Smaller offsets have fewer digits in the header, which is padded.
    expect(Math.abs(large - small - 2 * elements)).toBeLessThan(100);
  });

  it('are what they were if half precision holds them, and refused where it does not', async () => {
    const linear = new Linear(1, 1, { key: key(0) });
    const bias = linear.bias ?? linear.weight;
    const of = (value: number): Linear =>
      loadTensors(
        linear,
        new Map([
          ['weight', tensor([[value]])],
          ['bias', bias],
        ]),
      );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: -2047, max: 2047 }),
        fc.integer({ min: -24, max: 4 }),
        async (n, e) => {
          const bytes = await encodeModule(of(n * 2 ** e), {}, { floats: 'F16' });
          expect(loadBytes(bytes, linear).weight.itemSync()).toBe(n * 2 ** e);
        },
      ),
      { numRuns: 50 },
    );
    await expect(
      saveModule(join(folder, 'large.safetensors'), of(1e5), {}, { floats: 'F16' }),
    ).rejects.toThrow('safetensors: "weight" holds 100000 at 0, which F16 cannot hold.');
    await expect(stat(join(folder, 'large.safetensors'))).rejects.toThrow('ENOENT');
  });
});
