import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tensor, toNpy, zeros } from '@tessera/tensor';
import { readMap } from '../../../packages/dit/src/sample/map-file.ts';

describe('a map', () => {
  let folder = '';
  const path = (name: string): string => join(folder, name);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tessera-maps-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const png = (channels: number, data: number[], side = 2): Uint8Array =>
    encode({ width: side, height: side, channels, depth: 8, data: Uint8Array.from(data) });

  it('is read from a grey PNG, black 0 and white 1', async () => {
    await writeFile(path('grey.png'), png(1, [0, 255, 51, 102]));
    const expected = [0, 1, 0.2, 0.4].map(Math.fround);
    expect([...(await readMap(path('grey.png'), 2))]).toEqual(expected);
  });

  it('is the mean of colours, and unknown where a PNG is transparent', async () => {
    await writeFile(path('rgb.png'), png(3, [255, 0, 0, 0, 0, 0, 255, 255, 255, 0, 0, 255]));
    const third = Math.fround(1 / 3);
    expect([...(await readMap(path('rgb.png'), 2))]).toEqual([third, 0, 1, third]);
    await writeFile(path('clear.png'), png(2, [255, 255, 255, 0, 0, 255, 0, 0]));
    expect([...(await readMap(path('clear.png'), 2))]).toEqual([1, -1, 0, -1]);
  });

  it('is read from npy, floats as they are and bytes up to 255, and put into the middle', async () => {
    await writeFile(
      path('floats.npy'),
      await toNpy(
        tensor([
          [0.5, -1],
          [1, 0],
        ]),
      ),
    );
    expect([...(await readMap(path('floats.npy'), 2))]).toEqual([0.5, -1, 1, 0]);
    const middle = await readMap(path('floats.npy'), 4);
    expect([...middle.subarray(5, 7), ...middle.subarray(9, 11)]).toEqual([0.5, -1, 1, 0]);
    expect(middle.filter((value) => value === 0)).toHaveLength(13);
  });

  it('is refused with the reason: missing, too large, out of range, of other axes, mangled', async () => {
    await expect(readMap(path('none.png'), 2)).rejects.toThrow(/none\.png cannot be read/);
    await writeFile(path('large.npy'), await toNpy(zeros([3, 2])));
    await expect(readMap(path('large.npy'), 2)).rejects.toThrow(
      /the map is 3×2, but the model takes at most 2×2\. Shrink it first\./,
    );
    await writeFile(
      path('range.npy'),
      await toNpy(
        tensor([
          [0, 0],
          [0, 7],
        ]),
      ),
    );
    await expect(readMap(path('range.npy'), 2)).rejects.toThrow(
      /the value at row 1, column 1 is 7, expected at most 1/,
    );
    await writeFile(path('axes.npy'), await toNpy(zeros([4])));
    await expect(readMap(path('axes.npy'), 2)).rejects.toThrow(/the array has 1 axes, expected 2/);
    await writeFile(path('cut.png'), png(1, [0, 1, 2, 3]).subarray(0, 40));
    await expect(readMap(path('cut.png'), 2)).rejects.toThrow(
      /cut\.png: the PNG of \d+ bytes cannot be read/,
    );
    await writeFile(path('text.png'), 'no picture');
    await expect(readMap(path('text.png'), 2)).rejects.toThrow(/text\.png/);
  });
});
