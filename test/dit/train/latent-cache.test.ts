import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { key } from '@tessera/tensor';
import { Autoencoder, encodeLatents, type LatentSet } from '@tessera/dit';
import { cachedLatents } from '../../../packages/dit/src/train/latents/latent-cache.ts';

const sizes = { channels: [2, 4], latentChannels: 2 };
const autoencoder = new Autoencoder(sizes, key(0));
const images = Uint8Array.from({ length: 5 * 64 }, (_, i) => (i * 37) % 256);
const set = { images, count: 5, rows: 8, columns: 8 };

describe('kept latents', () => {
  let folder = '';
  let notices: string[] = [];
  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'tessera-latents-')), 'cache');
    notices = [];
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const latentsOf = (model = autoencoder, digits = set, count = 4): Promise<LatentSet> =>
    cachedLatents(model, digits, count, { folder, onNotice: (text) => notices.push(text) });

  async function file(): Promise<string> {
    return join(folder, (await readdir(folder))[0]);
  }

  it('are those that were encoded, to the bit', async () => {
    const encoded = await encodeLatents(autoencoder, set, 4);
    expect(await latentsOf()).toEqual(encoded);
    expect(notices).toEqual([]);
    expect(await latentsOf()).toEqual(encoded);
    expect(notices).toEqual([`The latents are those of ${await file()}.`]);
  });

  it('are others for other weights, images or counts', async () => {
    await latentsOf();
    await latentsOf(new Autoencoder(sizes, key(1)));
    await latentsOf(autoencoder, { ...set, images: images.map((pixel) => 255 - pixel) });
    await latentsOf(autoencoder, set, 3);
    await latentsOf(autoencoder, { ...set, rows: 4, columns: 16 });
    expect(await readdir(folder)).toHaveLength(5);
    expect(notices).toEqual([]);
  });

  it('that are damaged or foreign are told and computed anew', async () => {
    const encoded = await latentsOf();
    const path = await file();
    const bytes = await readFile(path);
    const flipped = Uint8Array.from(bytes);
    flipped[flipped.length - 3] ^= 1;
    await latentsOf(new Autoencoder(sizes, key(1)));
    const other = (await readdir(folder))
      .map((name) => join(folder, name))
      .find((name) => name !== path);
    const foreign = await readFile(other ?? '');
    for (const [content, problem] of [
      [flipped, 'is damaged: its sum is not the one that was written.'],
      [bytes.subarray(0, 100), 'truncated'],
      [new Uint8Array(), ''],
      [foreign, 'holds the latents of another autoencoder or of other images.'],
    ] as const) {
      await writeFile(path, content);
      notices = [];
      expect(await latentsOf()).toEqual(encoded);
      expect(notices).toHaveLength(1);
      expect(notices[0]).toContain(problem);
      expect(notices[0]).toContain('The latents are computed anew.');
      expect(await readFile(path)).toEqual(bytes);
    }
  });

  it('that cannot be written are computed all the same', async () => {
    const taken = join(await mkdtemp(join(tmpdir(), 'tessera-latents-')), 'file');
    await writeFile(taken, '');
    folder = join(taken, 'inside');
    expect(await latentsOf()).toEqual(await encodeLatents(autoencoder, set, 4));
    expect(notices).toHaveLength(1);
    expect(notices[0]).toContain('The latents are not kept: ');
    await rm(taken);
  });
});
