// One picture as bytes, one channel behind the other.

import { luminance } from '../luminance.ts';

/** One image, grey or colour. */
export interface Raster {
  readonly rows: number;
  readonly columns: number;
  readonly channels: 1 | 3;
  /** `[channels, rows, columns]` */
  readonly pixels: Uint8Array;
}

/** Most megapixels of a picture: more are a mistake, or an attack on memory. */
export const MOST_MEGAPIXELS = 100;

/** The same image with another number of channels. */
export function withChannels(raster: Raster, channels: 1 | 3): Raster {
  if (raster.channels === channels) return raster;
  if (channels === 1) return { ...raster, channels, pixels: luminance(raster.pixels) };
  const { length } = raster.pixels;
  const pixels = new Uint8Array(3 * length);
  for (let channel = 0; channel < 3; channel++) pixels.set(raster.pixels, channel * length);
  return { ...raster, channels, pixels };
}
