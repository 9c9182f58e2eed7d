import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromImageData, ones, tensor, toImageData, zeros } from '@tessera/tensor';

const image = fc
  .record({ width: fc.integer({ min: 0, max: 5 }), height: fc.integer({ min: 0, max: 5 }) })
  .chain(({ width, height }) =>
    fc
      .uint8ClampedArray({ minLength: 4 * width * height, maxLength: 4 * width * height })
      .map((data) => ({ data, width, height })),
  );

describe('image data', () => {
  it('comes back byte for byte, without alpha opaque', async () => {
    await fc.assert(
      fc.asyncProperty(image, async (given) => {
        const rgba = await toImageData(fromImageData(given, { channels: 4 }));
        expect(rgba).toEqual({ ...given, data: Uint8ClampedArray.from(given.data) });
        const rgb = await toImageData(fromImageData(given));
        expect([...rgb.data]).toEqual([...given.data].map((byte, i) => (i % 4 === 3 ? 255 : byte)));
      }),
    );
  });

  it('is [C, H, W] from 0 to 1', () => {
    const data = Uint8Array.of(255, 0, 51, 7, 0, 102, 255, 9);
    const x = fromImageData({ data, width: 2, height: 1 });
    const near = (a: number): number => Math.fround(a);
    expect(x.toArraySync()).toEqual([[[1, 0]], [[0, near(0.4)]], [[near(0.2), 1]]]);
    expect(fromImageData({ data, width: 1, height: 2 }, { channels: 4 }).shape).toEqual([4, 2, 1]);
  });

  it('turns grey by the weights of BT.601', () => {
    const data = Uint8Array.of(255, 0, 0, 0, 0, 255, 0, 0, 0, 0, 255, 0, 255, 255, 255, 0);
    const [row] = fromImageData({ data, width: 4, height: 1 }, { channels: 1 }).toArraySync() as [
      number[][],
    ];
    [0.299, 0.587, 0.114, 1].forEach((grey, i) => expect(row[0][i]).toBeCloseTo(grey, 6));
  });

  it('is written from grey, rounded and cut off', async () => {
    const { data, width, height } = await toImageData(tensor([[-1, 0.5, 2, NaN]]));
    expect([width, height]).toEqual([4, 1]);
    const greys = [0, 128, 255, 0];
    expect([...data]).toEqual(greys.flatMap((grey) => [grey, grey, grey, 255]));
    expect((await toImageData(zeros([1, 2, 3]))).data.length).toBe(24);
  });

  it('refuses what is no image', async () => {
    const data = new Uint8ClampedArray(8);
    expect(() => fromImageData({ data, width: 3, height: 1 })).toThrowErrorMatchingInlineSnapshot(
      `[FormatError: fromImageData: 8 bytes do not make an RGBA image of 3×1 (4 per pixel).]`,
    );
    expect(() => fromImageData({ data, width: 0.5, height: 4 })).toThrow(
      /do not make an RGBA image/,
    );
    expect(() =>
      fromImageData({ data, width: 2, height: 1 }, { channels: 2 as 3 }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: fromImageData: channels must be 1, 3 or 4, but is 2.]`,
    );
    await expect(toImageData(ones([2, 4, 4]))).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: toImageData: x is [2, 4, 4], but [C, H, W] with 1, 3 or 4 channels, or [H, W], is expected.]`,
    );
    await expect(toImageData(ones([]))).rejects.toThrow(/\[C, H, W\]/);
    await expect(toImageData(ones([1, 3, 4, 4]))).rejects.toThrow(/\[C, H, W\]/);
    await expect(toImageData(ones([4, 4], 'int32'))).rejects.toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: toImageData: takes float32, but got int32. Convert it first with .cast('float32').]`,
    );
  });
});
