import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { ones, tensor, toNpy, zeros } from '@tessera/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readImage } from '../../../packages/dit/src/sample/image-file.ts';

let folder: string;
const path = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-image-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Reads a file as bytes, so that colours are exact. */
async function read(name: string, size: number, channels: 1 | 3): Promise<readonly number[]> {
  const values = await readImage(path(name), { size, channels });
  return Array.from(values, (value) => Math.round(127.5 * (value + 1)));
}

describe('an image to change', () => {
  it('has the channels of the run, those of a PNG or alike', async () => {
    const data = Uint8Array.of(255, 0, 0, 0, 0, 255);
    await writeFile(path('rgb.png'), encode({ width: 2, height: 1, channels: 3, data }));
    await writeFile(
      path('grey.png'),
      encode({ width: 2, height: 2, channels: 1, data: Uint8Array.of(9, 99, 0, 255) }),
    );
    expect(await read('rgb.png', 2, 3)).toEqual([255, 0, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0]);
    // The grey of red and of blue: 0.299 and 0.114 of white.
    expect(await read('rgb.png', 2, 1)).toEqual([76, 29, 0, 0]);
    const grey = [9, 99, 0, 255];
    expect(await read('grey.png', 2, 1)).toEqual(grey);
    expect(await read('grey.png', 2, 3)).toEqual([...grey, ...grey, ...grey]);
  });

  it('stands in the middle of black', async () => {
    await writeFile(path('one.npy'), await toNpy(ones([1, 1])));
    expect(await read('one.npy', 3, 1)).toEqual([0, 0, 0, 0, 255, 0, 0, 0, 0]);
  });

  it('may be an array of bytes or floats, channel beside channel', async () => {
    const bytes = tensor([[[1, 2, 3]], [[4, 5, 6]]], { dtype: 'int32' });
    await writeFile(path('bytes.npy'), await toNpy(bytes, { dtype: '|u1' }));
    expect(await read('bytes.npy', 2, 3)).toEqual([1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6, 0]);
    await writeFile(path('floats.npy'), await toNpy(tensor([[[0.2], [1]]])));
    expect(await read('floats.npy', 2, 1)).toEqual([51, 255, 0, 0]);
  });

  it('is refused if it is too large, of other values, or none', async () => {
    await writeFile(path('large.npy'), await toNpy(ones([3, 2])));
    await expect(read('large.npy', 2, 1)).rejects.toThrow(
      /large\.npy: the image is 3×2, but the model takes at most 2×2\. Shrink it first\./,
    );
    await writeFile(path('range.npy'), await toNpy(tensor([[0, 1.5]])));
    await expect(read('range.npy', 2, 1)).rejects.toThrow(
      /the value at row 0, column 1 is 1\.5, expected bytes, or floats from 0 to 1/,
    );
    await writeFile(path('axes.npy'), await toNpy(zeros([1, 2, 2])));
    await expect(read('axes.npy', 2, 1)).rejects.toThrow(
      /the array is \[1, 2, 2\], expected \[rows, columns\]/,
    );
    await writeFile(path('text.png'), 'a three');
    await expect(read('text.png', 2, 1)).rejects.toThrow(/text\.png: .*expected a PNG or a JPEG/);
    await expect(read('none.png', 2, 1)).rejects.toThrow(/none\.png cannot be read/);
  });
});
