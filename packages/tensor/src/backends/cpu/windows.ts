// The windows that a convolution slides over an image, as columns of a matrix (im2col) and back.

import type { Conv2dGeometry } from '../../primitives/conv2d.ts';

/** The windows that a convolution slides over one group of channels of one image. */
export interface Windows {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Height and width of the kernel. */
  readonly kernel: readonly [number, number];
  /** Vertical and horizontal positions of the window. */
  readonly places: readonly [number, number];
  readonly geometry: Conv2dGeometry;
}

/**
 * Writes the windows of an image [C, H, W] as the columns of a row-major matrix
 * [C · kh · kw, OH · OW], with zeros where a window reaches into the padding (im2col).
 */
export function readWindows(
  windows: Windows,
  image: Float32Array,
  imageAt: number,
  columns: Float64Array,
): void {
  const { channels, kernel, places } = windows;
  columns.fill(0, 0, channels * kernel[0] * kernel[1] * places[0] * places[1]);
  forEachRow(windows, (inImage, stride, inColumns, count) => {
    for (let j = 0; j < count; j++) columns[inColumns + j] = image[imageAt + inImage + j * stride];
  });
}

/** Adds the columns to the windows of the image that they are copies of (col2im). */
export function addWindows(windows: Windows, columns: Float64Array, image: Float64Array): void {
  forEachRow(windows, (inImage, stride, inColumns, count) => {
    for (let j = 0; j < count; j++) image[inImage + j * stride] += columns[inColumns + j];
  });
}

/**
 * Visits each horizontal row of window positions for each tap (c, u, v) of the kernel, and leaves out
 * positions at which the tap lies in the padding. Element `inImage + j · stride` of the image is element
 * `inColumns + j` of the matrix, for `j < count`.
 */
function forEachRow(
  { channels, height, width, kernel, places, geometry }: Windows,
  visit: (inImage: number, stride: number, inColumns: number, count: number) => void,
): void {
  const [strideY, strideX] = geometry.stride;
  let row = 0;
  for (let c = 0; c < channels; c++) {
    for (let u = 0; u < kernel[0]; u++) {
      for (let v = 0; v < kernel[1]; v++) {
        const shiftY = u * geometry.dilation[0] - geometry.padding[0];
        const shiftX = v * geometry.dilation[1] - geometry.padding[1];
        const first = Math.max(0, Math.ceil(-shiftX / strideX));
        const count = Math.min(places[1], Math.ceil((width - shiftX) / strideX)) - first;
        for (let i = 0; i < places[0]; i++) {
          const y = i * strideY + shiftY;
          if (y < 0 || y >= height) continue;
          const inImage = (c * height + y) * width + first * strideX + shiftX;
          visit(inImage, strideX, (row * places[0] + i) * places[1] + first, count);
        }
        row++;
      }
    }
  }
}
