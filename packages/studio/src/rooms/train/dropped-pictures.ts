// Pictures that a reader drops in, as idx files: grey, 32×32, with classes from their names.

import type { DroppedFile } from './dropped-files.ts';
import type { IdxFiles } from './lesson.ts';

/** Side of the pictures that models see, in pixels. Larger ones are made smaller, smaller ones stand in the middle. */
const SIDE = 32;

/** What red, green and blue weigh in the luminance of a pixel. Source: ITU-R BT.601. */
const LUMINANCE = [0.299, 0.587, 0.114] as const;

/** Whether these files are pictures, by their types. */
export function arePictures(files: readonly DroppedFile[]): boolean {
  return files.length > 0 && files.every(({ file }) => file.type.startsWith('image/'));
}

/**
 * Reads pictures, each with its class: a folder named 0 to 9, or a name that begins with the digit.
 *
 * @throws Error naming the file if it is no picture, or its class is not known
 */
export async function droppedPictures(files: readonly DroppedFile[]): Promise<IdxFiles> {
  const labels = Uint8Array.from(files, ({ path }) => classOf(path));
  const images = new Uint8Array(files.length * SIDE ** 2);
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null) throw new Error('This browser gives no canvas to read pictures with.');
  context.imageSmoothingQuality = 'high';
  for (const [i, file] of files.entries()) images.set(await greyOf(file, context), i * SIDE ** 2);
  return {
    images: idxFile([files.length, SIDE, SIDE], images),
    labels: idxFile([files.length], labels),
  };
}

function classOf(path: string): number {
  const [name, folder = ''] = path.split('/').reverse();
  const digit = /^\d$/.exec(folder)?.[0] ?? /^(\d)(?!\d)/.exec(name)?.[1];
  if (digit !== undefined) return Number(digit);
  throw new Error(
    `${path}: its class is not known. Put pictures into folders named 0 to 9, or begin their names with the digit, as 3-a.png.`,
  );
}

async function greyOf(
  { path, file }: DroppedFile,
  context: OffscreenCanvasRenderingContext2D,
): Promise<Uint8Array> {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error(`${path}: this browser reads no picture in it.`);
  });
  const scale = Math.min(1, SIDE / bitmap.width, SIDE / bitmap.height);
  const [width, height] = [bitmap.width * scale, bitmap.height * scale];
  context.fillRect(0, 0, SIDE, SIDE); // black, also behind what is transparent
  const [left, top] = [(SIDE - width) / 2, (SIDE - height) / 2].map(Math.floor);
  context.drawImage(bitmap, left, top, width, height);
  bitmap.close();
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  return Uint8Array.from({ length: SIDE ** 2 }, (_, i) =>
    LUMINANCE.reduce((sum, weight, channel) => sum + weight * data[4 * i + channel], 0.5),
  );
}

/** Bytes with the header of an idx file. */
function idxFile(shape: readonly number[], bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(4 + 4 * shape.length + bytes.length);
  const view = new DataView(file.buffer);
  view.setUint32(0, 0x800 + shape.length);
  shape.forEach((size, axis) => view.setUint32(4 + 4 * axis, size));
  file.set(bytes, 4 + 4 * shape.length);
  return file;
}
