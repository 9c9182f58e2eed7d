import { ShapeError, ValueError } from '@tessera/tensor';
import { decode } from 'fast-png';
import { describe, expect, test } from 'vitest';
import { drawImageGrid, type ImageGrid } from '../../../packages/dit/src/pictures/image-grid.ts';

/** A decoded picture: its size and the grey of a pixel (red, green and blue agree in what is read). */
interface Picture {
  readonly width: number;
  readonly height: number;
  readonly grey: (x: number, y: number) => number;
}

async function draw(grid: ImageGrid): Promise<Picture> {
  const { width, height, data, channels } = decode(await drawImageGrid(grid));
  return { width, height, grey: (x, y) => data[(y * width + x) * channels] };
}

/** Two images of 2×2 whose pixels are all different. */
const images = Float32Array.of(-1, -0.5, 0, 0.5, 1, 0.2, -0.2, -0.6);
const margin = 20;
const gap = 3;

describe('an image grid', () => {
  test('shows every pixel as a crisp square, between white margins and gaps', async () => {
    const scale = 4;
    const picture = await draw({ images, height: 2, width: 2, columns: 2, scale });
    expect([picture.width, picture.height]).toEqual([
      2 * margin + 2 * 2 * scale + gap,
      2 * margin + 2 * scale,
    ]);
    for (let image = 0; image < 2; image++) {
      const left = margin + image * (2 * scale + gap);
      for (let y = 0; y < 2 * scale; y++) {
        for (let x = 0; x < 2 * scale; x++) {
          const value = images[image * 4 + Math.floor(y / scale) * 2 + Math.floor(x / scale)];
          expect(picture.grey(left + x, margin + y)).toBe(Math.round((255 * (value + 1)) / 2));
        }
      }
    }
    expect(picture.grey(margin + 2 * scale + 1, margin + 1)).toBe(255);
    expect(picture.grey(1, 1)).toBe(255);
  });

  test('cuts what is outside the range, and leaves missing cells white', async () => {
    const picture = await draw({
      images: Float32Array.of(-5, 0, 0.5, 1, 7, 0),
      height: 1,
      width: 2,
      columns: 2,
      scale: 1,
      range: [0, 1],
    });
    expect([picture.width, picture.height]).toEqual([
      2 * margin + 2 * 2 + gap,
      2 * margin + 2 + gap,
    ]);
    const second = margin + 2 + gap;
    expect([picture.grey(margin, margin), picture.grey(margin + 1, margin)]).toEqual([0, 0]);
    expect([picture.grey(second, margin), picture.grey(second + 1, margin)]).toEqual([128, 255]);
    const below = margin + 1 + gap;
    expect([picture.grey(margin, below), picture.grey(margin + 1, below)]).toEqual([255, 0]);
    expect([picture.grey(second, below), picture.grey(second + 1, below)]).toEqual([255, 255]);
  });

  test('sets labels in ink within the margins', async () => {
    const plain = await draw({ images, height: 2, width: 2, columns: 1, scale: 16 });
    const labelled = await draw({
      images,
      height: 2,
      width: 2,
      columns: 1,
      scale: 16,
      title: 'Digits & <more>',
      rowLabels: ['zero', 'one'],
      columnLabels: ['c'],
    });
    expect(labelled.width).toBeGreaterThan(plain.width);
    expect(labelled.height).toBeGreaterThan(plain.height);
    const inkAt = (x0: number, x1: number, y0: number, y1: number): number => {
      let ink = 0;
      for (let y = y0; y < y1; y++) {
        for (let x = x0; x < x1; x++) {
          ink += labelled.grey(x, y) < 128 ? 1 : 0;
        }
      }
      return ink;
    };
    const { width, height } = labelled;
    expect(inkAt(margin, width - margin, margin - 2, margin + 18)).toBeGreaterThan(50); // title
    const border =
      inkAt(0, width, 0, 8) +
      inkAt(0, width, height - 8, height) +
      inkAt(0, 8, 0, height) +
      inkAt(width - 8, width, 0, height);
    expect(border).toBe(0);
  });

  test('is the same bytes each time', async () => {
    const grid = { images, height: 2, width: 2, columns: 1, rowLabels: ['a', 'b'], title: 'twice' };
    expect(await drawImageGrid(grid)).toEqual(await drawImageGrid(grid));
  });

  test('refuses what does not fit together', async () => {
    const grid = { images, height: 2, width: 2, columns: 2 };
    await expect(drawImageGrid({ ...grid, height: 3 })).rejects.toThrow(ShapeError);
    await expect(drawImageGrid({ ...grid, images: new Float32Array(0) })).rejects.toThrow(
      'drawImageGrid: there are 0 values, expected whole images of 2×2, and at least one.',
    );
    await expect(drawImageGrid({ ...grid, scale: 1.5 })).rejects.toThrow(ValueError);
    await expect(drawImageGrid({ ...grid, columns: 0 })).rejects.toThrow(
      'drawImageGrid: columns is 0, expected a whole number from 1.',
    );
    await expect(drawImageGrid({ ...grid, rowLabels: ['a', 'b'] })).rejects.toThrow(
      'drawImageGrid: there are 2 row labels, expected one for each of 1 rows.',
    );
    await expect(drawImageGrid({ ...grid, columnLabels: ['a'] })).rejects.toThrow(ValueError);
    for (const bad of [NaN, Infinity, -Infinity]) {
      const spoilt = Float32Array.from(images, (value, i) => (i === 5 ? bad : value));
      await expect(drawImageGrid({ ...grid, images: spoilt })).rejects.toThrow(
        `drawImageGrid: image 1 holds ${bad}, expected finite numbers.`,
      );
    }
  });
});
