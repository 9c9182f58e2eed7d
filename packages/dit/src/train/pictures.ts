// The pictures of a training, whose failure never ends the run.

import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { tensor } from '@tessera/tensor';
import type { Autoencoder } from '../autoencoder/autoencoder.ts';
import { gatherImages } from '../data/batches.ts';
import type { ImageSet } from '../data/data-set.ts';
import { drawImageGrid } from '../pictures/image-grid.ts';
import { drawLossCurve } from '../pictures/loss-curve.ts';
import { writeFileAtomic } from '../run/atomic-file.ts';
import { problemOf } from '../run/file-error.ts';

/** Number of images in each of the two rows of the picture of reconstructions. */
const RECONSTRUCTION_COLUMNS = 10;

/** The folder of the pictures, and the receiver of notices. */
export interface Album {
  readonly folder: string;
  readonly onNotice: (text: string) => void;
}

/**
 * Draws a picture and writes it into the folder. Any failure becomes a notice, since weights are worth
 * more than a picture.
 *
 * @returns whether the picture is there
 */
export async function addPicture(
  { folder, onNotice }: Album,
  file: string,
  draw: () => Promise<Uint8Array>,
): Promise<boolean> {
  try {
    const picture = await draw();
    const path = join(folder, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFileAtomic(path, picture);
    return true;
  } catch (error) {
    onNotice(`There is no ${file}: ${problemOf(error)}`);
    return false;
  }
}

/**
 * Draws two tiny pictures at the start of a run, to learn early if pictures fail at its end. The font, the
 * renderer or the library of curves may be missing, or the engine may refuse them.
 */
export async function tryPictures(onNotice: (text: string) => void): Promise<void> {
  try {
    await drawImageGrid({ images: new Float32Array(1), height: 1, width: 1, columns: 1 });
    await drawLossCurve([{ step: 1, loss: 1 }], { title: 'loss' });
  } catch (error) {
    onNotice(
      `No pictures can be drawn here: ${problemOf(error)} Weights and log are written all the same.`,
    );
  }
}

/** Draws some images, and below them their reconstructions by the autoencoder. */
export async function drawReconstructions(
  autoencoder: Autoencoder,
  set: ImageSet,
): Promise<Uint8Array> {
  const count = Math.min(RECONSTRUCTION_COLUMNS, set.count);
  const originals = gatherImages(
    set,
    Int32Array.from({ length: count }, (_, i) => i),
  );
  const { channels = 1, rows, columns } = set;
  const images = tensor(originals, { shape: [count, channels, rows, columns] });
  const decoded = await autoencoder.decode(autoencoder.encode(images).mean).data();
  return drawImageGrid({
    images: Float32Array.of(...originals, ...decoded),
    channels: channels === 3 ? 3 : 1,
    height: rows,
    width: columns,
    columns: count,
    title: 'Test images and their reconstructions',
    rowLabels: ['image', 'decoded'],
  });
}
