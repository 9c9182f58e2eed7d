// Idx files that a reader drops in: which is the one of images, and which the one of labels.

import type { DroppedFile } from './dropped-files.ts';
import type { IdxFiles } from './lesson.ts';

/** The third byte of an idx file of bytes, and the number of axes that follows it. */
const [BYTES, IMAGE_AXES, LABEL_AXES] = [0x08, 3, 1];

/**
 * Tells two idx files apart by their first bytes, or by their names if they are gzipped.
 *
 * @throws Error unless there is one of images and one of labels
 */
export async function droppedDigits(files: readonly DroppedFile[]): Promise<IdxFiles> {
  const read = await Promise.all(
    files.map(async ({ file }) => ({
      name: file.name,
      bytes: new Uint8Array(await file.arrayBuffer()),
    })),
  );
  const find = (axes: number, word: string): Uint8Array<ArrayBuffer> => {
    const found = read.find(({ name, bytes }) => {
      const isPlain = bytes[0] === 0 && bytes[1] === 0 && bytes[2] === BYTES;
      return isPlain ? bytes[3] === axes : name.endsWith('.gz') && name.includes(word);
    });
    if (found !== undefined) return found.bytes;
    const names = files.map(({ path }) => path).join(', ') || 'no file';
    throw new Error(
      `${names}: there is no idx file of ${word}. Drop one of images and one of labels, or pictures alone.`,
    );
  };
  return { images: find(IMAGE_AXES, 'images'), labels: find(LABEL_AXES, 'labels') };
}
