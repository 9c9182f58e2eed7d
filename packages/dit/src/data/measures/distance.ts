// The distance of every pixel of a shape to the background.

/** Larger than any distance in an image. */
const FAR = 1e9;

/**
 * The exact Euclidean distance transform: for each pixel of the shape the distance in pixels from its centre to
 * the centre of the nearest pixel outside; 0 outside. Beyond the image lies background.
 *
 * Source: Felzenszwalb & Huttenlocher 2012, "Distance transforms of sampled functions", algorithm 1, first
 * along columns, then along rows.
 *
 * @param inside whether a pixel, row by row, belongs to the shape
 * @returns `[rows, columns]`, row-major
 */
export function distanceTransform(
  inside: (pixel: number) => boolean,
  rows: number,
  columns: number,
): Float64Array {
  // A frame of background around the image.
  const [height, width] = [rows + 2, columns + 2];
  const squares = new Float64Array(height * width);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      if (inside(row * columns + column)) squares[(row + 1) * width + column + 1] = FAR;
    }
  }
  for (let column = 0; column < width; column++) lowerEnvelope(squares, column, width, height);
  for (let row = 0; row < height; row++) lowerEnvelope(squares, row * width, 1, width);
  return Float64Array.from({ length: rows * columns }, (_, pixel) =>
    Math.sqrt(squares[(Math.floor(pixel / columns) + 1) * width + (pixel % columns) + 1]),
  );
}

/** Replaces a line f of values by `min_q (p − q)² + f(q)`: the lower envelope of parabolas. */
function lowerEnvelope(values: Float64Array, start: number, stride: number, length: number): void {
  const f = Float64Array.from({ length }, (_, q) => values[start + q * stride]);
  const vertices = [0];
  const borders = [-Infinity];
  const meet = (q: number, v: number): number => (f[q] + q * q - f[v] - v * v) / (2 * (q - v));
  for (let q = 1; q < length; q++) {
    let border = meet(q, vertices[vertices.length - 1]);
    while (border <= borders[borders.length - 1]) {
      vertices.pop();
      borders.pop();
      border = meet(q, vertices[vertices.length - 1]);
    }
    vertices.push(q);
    borders.push(border);
  }
  let at = 0;
  for (let p = 0; p < length; p++) {
    while (at + 1 < borders.length && borders[at + 1] < p) at++;
    const v = vertices[at];
    values[start + p * stride] = (p - v) ** 2 + f[v];
  }
}
