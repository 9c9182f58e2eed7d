// Fits images into the square that the autoencoder takes: padding by a little, or resizing.

import type { AnnotatedImages, ImageSet } from './data-set.ts';

/** Sizes of a raster of bytes. */
export interface RasterSize {
  readonly rows: number;
  readonly columns: number;
}

/** How images of one size come into the square. */
export interface Fit {
  /** Sizes after scaling, at most those of the square. */
  readonly scaled: RasterSize;
  /** `none` if they fill it, `pad` if only a border is added. */
  readonly how: 'none' | 'pad' | 'resize';
}

/** Side of the square for images of these sizes: the longer side, up to the next multiple of `unit`. */
export function squareSize({ rows, columns }: RasterSize, unit: number): number {
  return Math.ceil(Math.max(rows, columns) / unit) * unit;
}

/**
 * How images come into a square: with a border of less than `unit` pixels in all if that is enough, or else scaled
 * until the longer side fills it.
 */
export function fitOf(source: RasterSize, size: number, unit: number): Fit {
  const { rows, columns } = source;
  const longest = Math.max(rows, columns);
  if (rows === size && columns === size) return { scaled: source, how: 'none' };
  if (longest <= size && longest > size - unit) return { scaled: source, how: 'pad' };
  const side = (length: number): number =>
    Math.max(1, Math.round((length * size) / Math.max(1, longest)));
  return { scaled: { rows: side(rows), columns: side(columns) }, how: 'resize' };
}

/** One sentence about a fit that changes the images; `undefined` for one that does not. */
export function fitNote(source: RasterSize, size: number, unit: number): string | undefined {
  const { how, scaled } = fitOf(source, size, unit);
  if (how === 'none') return undefined;
  const from = `${source.rows}×${source.columns}`;
  const to = `${size}×${size}`;
  if (how === 'pad') return `Images of ${from} are padded with black to ${to}.`;
  const border = scaled.rows === scaled.columns ? '' : ', and padded with black to a square';
  return `Images of ${from} are resized to ${scaled.rows}×${scaled.columns}${border}.`;
}

/**
 * Resizes one channel, along rows and then along columns, with a tent as filter: bilinear in larger images, and in
 * smaller ones a weighted mean of all pixels that come together.
 */
function resize(source: Uint8Array, from: RasterSize, to: RasterSize): Uint8Array {
  const along = (values: Float32Array, count: number, lines: number, out: number): Float32Array => {
    const weights = Array.from({ length: out }, (_, i) => tent(i, count, out));
    const result = new Float32Array(lines * out);
    for (let line = 0; line < lines; line++) {
      weights.forEach(({ start, shares }, i) => {
        let sum = 0;
        shares.forEach((share, k) => {
          sum += share * values[line * count + start + k];
        });
        // The result is transposed, so that the same loop does the other axis.
        result[i * lines + line] = sum;
      });
    }
    return result;
  };
  const rowsDone = along(Float32Array.from(source), from.columns, from.rows, to.columns);
  const done = along(rowsDone, from.rows, to.columns, to.rows);
  return Uint8Array.from(done, (value) => Math.round(value));
}

/** The pixels of a line that make pixel `i` of `out`, and their shares: a tent as wide as two of its pixels. */
function tent(
  i: number,
  count: number,
  out: number,
): { readonly start: number; readonly shares: readonly number[] } {
  const step = count / out;
  const reach = Math.max(1, step);
  const centre = (i + 0.5) * step - 0.5;
  const start = Math.max(0, Math.ceil(centre - reach));
  const end = Math.min(count - 1, Math.floor(centre + reach));
  const raw = Array.from({ length: end - start + 1 }, (_, k) =>
    Math.max(0, 1 - Math.abs(start + k - centre) / reach),
  );
  const sum = raw.reduce((a, b) => a + b, 0);
  return { start, shares: raw.map((share) => share / sum) };
}

/** Writes one raster of bytes into the middle of a square that is black. A smaller half of an odd border comes first. */
export function fitRaster(
  source: Uint8Array,
  from: RasterSize,
  fit: Fit,
  size: number,
  square: Uint8Array,
): void {
  const { rows, columns } = fit.scaled;
  const pixels = fit.how === 'resize' ? resize(source, from, fit.scaled) : source;
  const top = Math.floor((size - rows) / 2);
  const left = Math.floor((size - columns) / 2);
  for (let row = 0; row < rows; row++) {
    const line = pixels.subarray(row * columns, (row + 1) * columns);
    square.set(line, (top + row) * size + left);
  }
}

/** Fits all rasters of an array, one behind the other. */
function fitAll(source: Uint8Array, from: RasterSize, fit: Fit, size: number): Uint8Array {
  const area = from.rows * from.columns;
  const count = source.length / area;
  const fitted = new Uint8Array(count * size ** 2);
  for (let i = 0; i < count; i++) {
    const raster = source.subarray(i * area, (i + 1) * area);
    fitRaster(raster, from, fit, size, fitted.subarray(i * size ** 2, (i + 1) * size ** 2));
  }
  return fitted;
}

/** Fits images and their maps into squares. What fits already is not copied. */
export function fitImages<T extends ImageSet & Pick<AnnotatedImages, 'maps'>>(
  set: T,
  size: number,
  unit: number,
): T {
  const fit = fitOf(set, size, unit);
  if (fit.how === 'none') return set;
  const { maps } = set;
  return {
    ...set,
    images: fitAll(set.images, set, fit, size),
    rows: size,
    columns: size,
    ...(maps !== undefined && {
      maps: Object.fromEntries(
        Object.entries(maps).map(([name, map]) => [name, fitAll(map, set, fit, size)]),
      ),
    }),
  };
}
