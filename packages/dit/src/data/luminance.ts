// Grey from colour.

/** Weights of red, green and blue in grey. Source: ITU-R BT.601-7, section 2.5.1. */
const LUMA = [0.299, 0.587, 0.114] as const;

/** The grey of a colour image in bytes: `[3, rows, columns]` → `[rows, columns]`. */
export function luminance(pixels: Uint8Array): Uint8Array {
  const area = pixels.length / 3;
  const [red, green, blue] = LUMA;
  return Uint8Array.from({ length: area }, (_, i) =>
    Math.round(red * pixels[i] + green * pixels[area + i] + blue * pixels[2 * area + i]),
  );
}
