import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode, decodeApng, encode } from 'fast-png';
import { unzipSync } from 'fflate';
import { fromNpy, key, npyDType } from '@tessera/tensor';
import { Autoencoder, presetConfig, type AutoencoderTrainConfig } from '@tessera/dit';
import { RUN_FILES, sampleRun, saveModule, writeRunConfig } from '@tessera/dit/node';
import type { SampleOptions } from '@tessera/dit/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { latentMask } from '../../../packages/dit/src/sample/image-file.ts';
import { randomModel } from '../model/sizes.ts';

const smoke = presetConfig('smoke');
const config: AutoencoderTrainConfig = {
  ...smoke,
  backend: 'cpu',
  latentScale: 1,
  autoencoder: { ...smoke.autoencoder, channels: [2, 2] },
  model: { ...smoke.model, hiddenSize: 16, depth: 1, numHeads: 2, patchSize: 4 },
};

let folder: string;
const inFolder = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-ways-'));
  const colour = { ...config, autoencoder: { ...config.autoencoder, imageChannels: 3 as const } };
  for (const [name, own] of Object.entries({ run: config, colour })) {
    await writeRunConfig(inFolder(name), own);
    const file = (part: string): string => join(inFolder(name), part);
    await saveModule(file(RUN_FILES.autoencoder), new Autoencoder(own.autoencoder, key(0)));
    await saveModule(file(RUN_FILES.model), randomModel(own.model, key(1)));
  }
  await writeFile(
    inFolder('red.png'),
    encode({
      width: 32,
      height: 32,
      channels: 3,
      data: Uint8Array.from({ length: 3072 }, (_, i) => [200, 40, 10][i % 3]),
    }),
  );
  const grey = (value: (row: number) => number): Uint8Array =>
    encode({
      width: 28,
      height: 28,
      channels: 1,
      data: Uint8Array.from({ length: 784 }, (_, i) => value(Math.floor(i / 28))),
    });
  await writeFile(
    inFolder('digit.png'),
    grey((row) => 9 * row),
  );
  await writeFile(
    inFolder('mask.png'),
    grey((row) => (row < 14 ? 0 : 255)),
  );
  await writeFile(
    inFolder('black.png'),
    grey(() => 0),
  );
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Draws two rows in two steps, and reads the file. */
async function draw(out: string, more: Partial<SampleOptions> = {}): Promise<Uint8Array> {
  const own = { ...config.sampling, steps: 2, seed: 3, run: inFolder('run'), labels: [3, 1] };
  await sampleRun({ ...own, out: inFolder(out), ...more });
  return new Uint8Array(await readFile(inFolder(out)));
}

describe('samples', () => {
  it('as arrays are bytes [count, size, size, channels], the same in npy and npz', async () => {
    const npy = await draw('samples.npy');
    expect(npyDType(npy)).toBe('|u1');
    expect(fromNpy(npy).shape).toEqual([20, 32, 32, 1]);
    const npz = await draw('samples.npz');
    expect(Object.keys(unzipSync(npz))).toEqual(['arr_0.npy', 'arr_1.npy']);
    const labels = await fromNpy(unzipSync(npz)['arr_1.npy']).data();
    expect([...labels]).toEqual(Array.from({ length: 20 }, (_, i) => (i < 10 ? 3 : 1)));
    expect(unzipSync(npz)['arr_0.npy']).toEqual(npy);
    expect(await draw('named', { format: 'npz' })).toEqual(npz);
  });

  it('for the evaluator of ADM have three channels, whatever those of the run', async () => {
    const admOf = async (out: string, more: Partial<SampleOptions>): Promise<Uint8Array> =>
      unzipSync(await draw(out, { format: 'adm', labels: [3], ...more }))['arr_0.npy'];
    const grey = await admOf('adm.npz', { count: 2 });
    expect(npyDType(grey)).toBe('|u1');
    expect(fromNpy(grey).shape).toEqual([2, 32, 32, 3]);
    const plain = await fromNpy(await draw('two.npy', { labels: [3], count: 2 })).data();
    const bytes = await fromNpy(grey).data();
    expect(plain).toHaveLength(2 * 1024);
    expect(bytes.every((value, i) => value === plain[Math.floor(i / 3)])).toBe(true);
    const colour = { run: inFolder('colour'), count: 1 };
    expect(fromNpy(await admOf('colour.npz', colour))).toMatchObject({ shape: [1, 32, 32, 3] });
  });

  it('are as many of each label as asked for', async () => {
    const [few, all] = [await draw('few.npy', { count: 1 }), await draw('all.npy')];
    expect(fromNpy(few).shape).toEqual([2, 32, 32, 1]);
    expect(fromNpy(all).shape).toEqual([20, 32, 32, 1]);
    await expect(draw('none.npy', { count: 0 })).rejects.toThrow(
      /count must be a whole number of at least 1/,
    );
    const edit = { image: inFolder('digit.png'), label: 3 };
    await expect(draw('edit.npy', { count: 2, edit })).rejects.toThrow(
      '--count 2: --edit says itself how many images a row has. Leave it out.',
    );
  });

  it('as latents are floats', async () => {
    const latents = fromNpy(await draw('latents.npy', { latents: true }));
    expect([latents.dtype, ...latents.shape]).toEqual(['float32', 20, 4, 8, 8]);
  });

  it('as animations show column after column', async () => {
    const found = decodeApng(await draw('samples.apng'), { checkCrc: true });
    expect(found.numberOfFrames).toBe(10);
    expect(new TextDecoder().decode((await draw('samples.gif')).subarray(0, 6))).toBe('GIF89a');
  });

  it('leave no other file behind', async () => {
    await draw('alone.npz');
    expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});

describe('a film', () => {
  it('is a strip or an animation, with frames up to the number of steps', async () => {
    await draw('a.png', { steps: 5, film: { file: inFolder('film.apng'), frames: 3 } });
    const film = decodeApng(await readFile(inFolder('film.apng')));
    expect(film).toMatchObject({ numberOfFrames: 3, height: 128, width: 2 * 128 + 3 });
    await draw('b.npy', { film: { file: inFolder('film.png'), shows: 'both' } });
    const { width, height } = decode(await readFile(inFolder('film.png')));
    expect(height).toBeGreaterThan(4 * 64);
    expect(width).toBeLessThan(4 * 64);
  });

  it('ends at the samples', async () => {
    const film = { file: inFolder('last.apng'), frames: 1, shows: 'xt' } as const;
    const npy = await draw('c.npy', { labels: [3], film });
    const [frame] = decodeApng(await readFile(inFolder('last.apng'))).frames;
    const first = (await fromNpy(npy).data()).subarray(0, 1024);
    const seen = Array.from(
      first,
      (_, i) => frame.data[4 * Math.floor(i / 32) * 128 + 4 * (i % 32)],
    );
    expect(seen).toEqual([...first]);
  });
});

describe('interpolation', () => {
  it('goes from one end to the other', async () => {
    const at = async (more: Partial<SampleOptions>): Promise<readonly number[]> => {
      const npy = await draw('i.npy', { guidance: 1, labels: [3], ...more });
      return [...(await fromNpy(npy).data())];
    };
    const line = await at({ interpolate: { columns: 5, toLabels: [8], toSeed: 4 } });
    expect(line).toHaveLength(5 * 1024);
    const start = await at({ interpolate: { columns: 1, toSeed: 4 } });
    const end = await at({ labels: [8], seed: 4, interpolate: { columns: 1, toSeed: 3 } });
    // Bytes; a batch of another size may round another way.
    const furthest = (a: readonly number[], b: readonly number[]): number =>
      Math.max(...a.map((value, i) => Math.abs(value - b[i])));
    expect(furthest(line.slice(0, 1024), start)).toBeLessThanOrEqual(1);
    expect(furthest(line.slice(-1024), end)).toBeLessThanOrEqual(1);
    expect(furthest(start, end)).toBeGreaterThan(2);
  });
});

describe('inpainting', () => {
  it('leaves the pixels that the mask leaves', async () => {
    const inpaint = { image: inFolder('digit.png'), mask: inFolder('mask.png'), passes: 2 };
    const drawn = await fromNpy(await draw('p.npy', { inpaint })).data();
    const wrong = [...drawn].filter((value, i) => {
      const [row, column] = [Math.floor((i % 1024) / 32) - 2, (i % 32) - 2];
      const inside = Math.min(row, column) >= 0 && Math.max(row, column) < 28;
      // Below row 14 the mask is white; the padding is black, and so known.
      const known = row < 14 || !inside;
      return known && value !== (inside ? 9 * row : 0);
    });
    expect(drawn).toHaveLength(20 * 1024);
    expect(wrong).toEqual([]);
  });

  it('keeps colours', async () => {
    const inpaint = { image: inFolder('red.png'), mask: inFolder('mask.png') };
    const npy = fromNpy(await draw('colour.npy', { run: inFolder('colour'), inpaint }));
    expect(npy.shape).toEqual([20, 32, 32, 3]);
    const drawn = await npy.data();
    expect(Array.from(drawn.subarray(0, 6))).toEqual([200, 40, 10, 200, 40, 10]);
    const below = Array.from(drawn.subarray(20 * 96, 21 * 96), (value, i) => value - drawn[i % 3]);
    expect(below.some((value) => value !== 0)).toBe(true);
  });

  it('needs something to draw', async () => {
    const inpaint = { image: inFolder('digit.png'), mask: inFolder('black.png') };
    await expect(draw('q.png', { inpaint })).rejects.toThrow(/black\.png: nothing is white/);
    const missing = { ...inpaint, image: inFolder('none.png') };
    await expect(draw('q.png', { inpaint: missing })).rejects.toThrow(/none\.png cannot be read/);
  });

  it('takes a place of a latent for known if all of its pixels are', () => {
    const mask = new Uint8Array(64);
    mask[8 * 3 + 4] = 1;
    expect([...latentMask(mask, 8, 2)]).toEqual([0, 1, 0, 0]);
    expect([...latentMask(mask.fill(1), 8, 2)]).toEqual([1, 1, 1, 1]);
    expect([...latentMask(mask.fill(0), 8, 4)]).toEqual(new Array(16).fill(0));
  });
});

describe('editing', () => {
  it('shows the image, and what it became', async () => {
    const edit = { image: inFolder('digit.png'), label: 3, strength: 0.5 };
    const npy = await draw('e.npy', { edit });
    expect(fromNpy(npy).shape).toEqual([2, 32, 32, 1]);
    const [{ data }] = decodeApng(await draw('e.apng', { edit })).frames;
    expect(data[4 * 20 * 259 + 4 * 10]).toBe(9 * 18); // row 20 of the image, two of them padding
  });

  it('takes an image of a run in colour', async () => {
    const edit = { image: inFolder('red.png'), label: 3 };
    const [{ data }] = decodeApng(
      await draw('colour.apng', { run: inFolder('colour'), edit }),
    ).frames;
    expect(Array.from(data.subarray(0, 3))).toEqual([200, 40, 10]);
  });
});
