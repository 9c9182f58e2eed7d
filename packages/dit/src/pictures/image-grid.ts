// Draws many small images, grey or colour, as one labelled picture.

import { ShapeError, ValueError } from '@tessera/tensor';
import { PICTURE_FONT, escapeXml, renderSvg } from './svg.ts';

/** The picture that {@link drawImageGrid} draws. */
export interface ImageGrid {
  /** Images [count, channels, height, width], row-major. They fill the grid row by row. */
  readonly images: Float32Array;
  /** 1 for grey, 3 for red, green and blue. Default: 1. */
  readonly channels?: 1 | 3;
  /** Height of one image, in its own pixels. */
  readonly height: number;
  /** Width of one image, in its own pixels. */
  readonly width: number;
  /** Images in a row of the grid. */
  readonly columns: number;
  /** The values of black and of white. Values outside become the nearer one. Default: [-1, 1]. */
  readonly range?: readonly [number, number];
  /** Output pixels for one pixel of an image, a whole number. Default: 2. */
  readonly scale?: number;
  /** One line above the grid. */
  readonly title?: string;
  /** A text to the left of each row. */
  readonly rowLabels?: readonly string[];
  /** A text above each column. */
  readonly columnLabels?: readonly string[];
}

const MARGIN = 20;
/** Pixels between images. */
const GAP = 3;
/** Pixels between a label and its images. */
const LABEL_GAP = 10;
const TITLE_SIZE = 18;
const LABEL_SIZE = 15;
/** Width of the widest letter of the font, as a multiple of the font's size. A digit has 0.58. */
const LETTER_WIDTH = 0.62;
/** Half the height of a digit, as a multiple of the font's size. */
const HALF_DIGIT = 0.36;
const INK = '#1f2937';

/** Counts the images. Throws if sizes or labels do not fit them. */
function checkGrid(grid: ImageGrid, scale: number): number {
  const { images, channels = 1, height, width, columns, rowLabels, columnLabels } = grid;
  for (const [name, value] of Object.entries({ channels, height, width, columns, scale })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new ValueError('drawImageGrid', `${name} is ${value}, expected a whole number from 1.`);
    }
  }
  const count = images.length / (channels * height * width);
  if (count === 0 || !Number.isInteger(count)) {
    throw new ShapeError(
      'drawImageGrid',
      `there are ${images.length} values, expected whole images of ${channels === 1 ? '' : `${channels}×`}${height}×${width}, and at least one.`,
      [[images.length], [height, width]],
    );
  }
  const rows = Math.ceil(count / columns);
  if (rowLabels !== undefined && rowLabels.length !== rows) {
    throw new ValueError(
      'drawImageGrid',
      `there are ${rowLabels.length} row labels, expected one for each of ${rows} rows.`,
    );
  }
  if (columnLabels !== undefined && columnLabels.length !== columns) {
    throw new ValueError(
      'drawImageGrid',
      `there are ${columnLabels.length} column labels, expected one for each of ${columns} columns.`,
    );
  }
  return count;
}

/** The pixels of all images, row by row, channel beside channel. */
export interface Raster {
  readonly pixels: Uint8Array;
  readonly height: number;
  readonly width: number;
}

/** Throws a ValueError if a value is not finite: it has no grey, and would be drawn as black. */
function checkFinite({ images, channels = 1, height, width }: ImageGrid): void {
  const bad = images.findIndex((value) => !Number.isFinite(value));
  if (bad === -1) return;
  const image = Math.floor(bad / (channels * height * width));
  throw new ValueError(
    'drawImageGrid',
    `image ${image} holds ${images[bad]}, expected finite numbers.`,
  );
}

/**
 * Lays the images out as one raster on white, each pixel repeated `scale` times each way.
 *
 * @throws ValueError if a value is not finite
 */
export function layOutImages(grid: ImageGrid, count: number, scale: number): Raster {
  checkFinite(grid);
  const { images, channels = 1, height, width, columns, range = [-1, 1] } = grid;
  const [low, high] = range;
  const rowStep = height * scale + GAP;
  const columnStep = width * scale + GAP;
  const totalHeight = Math.ceil(count / columns) * rowStep - GAP;
  const totalWidth = columns * columnStep - GAP;
  const pixels = new Uint8ClampedArray(totalHeight * totalWidth * channels).fill(255);
  for (let image = 0; image < count; image++) {
    const top = Math.floor(image / columns) * rowStep;
    const left = (image % columns) * columnStep;
    for (let y = 0; y < height * scale; y++) {
      const target = (top + y) * totalWidth + left;
      for (let channel = 0; channel < channels; channel++) {
        const source = ((image * channels + channel) * height + Math.floor(y / scale)) * width;
        for (let x = 0; x < width * scale; x++) {
          const value = images[source + Math.floor(x / scale)];
          pixels[(target + x) * channels + channel] = (255 * (value - low)) / (high - low);
        }
      }
    }
  }
  return { pixels: new Uint8Array(pixels.buffer), height: totalHeight, width: totalWidth };
}

/** Upper bound on the width of a text in pixels. */
function textWidth(text: string, size: number): number {
  return Math.ceil(text.length * size * LETTER_WIDTH);
}

function textElement(text: string, x: number, y: number, look: string): string {
  return `<text x="${x}" y="${y}" ${look}>${escapeXml(text)}</text>`;
}

/** Puts title and labels around the images. Gives SVG text. */
async function composePicture(grid: ImageGrid, raster: Raster, scale: number): Promise<string> {
  const { title, rowLabels = [], columnLabels = [] } = grid;
  const { encode } = await import('fast-png');
  const png = encode({
    width: raster.width,
    height: raster.height,
    data: raster.pixels,
    channels: grid.channels ?? 1,
  });

  const [cellHeight, cellWidth] = [grid.height * scale, grid.width * scale];
  const rowLabelWidth = Math.max(0, ...rowLabels.map((text) => textWidth(text, LABEL_SIZE)));
  const titleWidth = title === undefined ? 0 : textWidth(title, TITLE_SIZE);
  const labelled = rowLabelWidth + (rowLabels.length > 0 ? LABEL_GAP : 0) + raster.width;
  const width = 2 * MARGIN + Math.max(labelled, titleWidth);
  const left = Math.floor((width + labelled) / 2) - raster.width;
  const columnsTop = MARGIN + (title === undefined ? 0 : TITLE_SIZE + LABEL_GAP);
  const top = columnsTop + (columnLabels.length > 0 ? LABEL_SIZE + LABEL_GAP : 0);
  const height = top + raster.height + MARGIN;
  const widestColumn = Math.max(1, ...columnLabels.map((text) => textWidth(text, LABEL_SIZE)));
  const columnSize = LABEL_SIZE * Math.min(1, cellWidth / widestColumn);

  const texts = columnLabels.map((text, i) => {
    const x = left + i * (cellWidth + GAP) + cellWidth / 2;
    return textElement(text, x, top - LABEL_GAP, `text-anchor="middle" font-size="${columnSize}"`);
  });
  rowLabels.forEach((text, i) => {
    const middle = top + i * (cellHeight + GAP) + cellHeight / 2;
    const look = `text-anchor="end" font-size="${LABEL_SIZE}"`;
    texts.push(textElement(text, left - LABEL_GAP, middle + HALF_DIGIT * LABEL_SIZE, look));
  });
  if (title !== undefined) {
    const look = `text-anchor="middle" font-size="${TITLE_SIZE}" font-weight="bold"`;
    texts.push(textElement(title, width / 2, MARGIN + 2 * HALF_DIGIT * TITLE_SIZE, look));
  }
  const href = `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="${PICTURE_FONT}" fill="${INK}">` +
    `<image x="${left}" y="${top}" width="${raster.width}" height="${raster.height}" image-rendering="optimizeSpeed" href="${href}"/>` +
    `${texts.join('')}</svg>`
  );
}

/**
 * Draws a grid of images with its labels, on white, with crisp pixels.
 *
 * @returns the bytes of a PNG file
 * @throws ShapeError if the values are not whole images; ValueError if a size is not a whole number
 *   from 1, the labels do not fit the rows and columns, or a value is not finite
 * @example
 * const images = new Float32Array(4 * 8 * 8).fill(0.5); // four of 8×8
 * const png = await drawImageGrid({ images, height: 8, width: 8, columns: 2, rowLabels: ['a', 'b'] });
 * png.slice(1, 4); // [80, 78, 71]: PNG
 */
export async function drawImageGrid(grid: ImageGrid): Promise<Uint8Array> {
  const scale = grid.scale ?? 2;
  const count = checkGrid(grid, scale);
  return renderSvg(await composePicture(grid, layOutImages(grid, count, scale), scale));
}
