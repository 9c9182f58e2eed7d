// A sheet of the pad: grey pixels and marks, strokes on them, and the sheet as text in an address.

/** A square drawing. */
export interface Sheet {
  /** `[size, size]` in [0, 1], row-major: 1 is ink. */
  readonly pixels: Float32Array;
  /** `[size, size]`: 1 where it is marked. */
  readonly marks: Uint8Array;
}

/** What a stroke does. */
export type Brush = 'ink' | 'rubber' | 'mark';

/** A place on the sheet, in pixels from its upper left corner. */
export interface Spot {
  readonly x: number;
  readonly y: number;
}

/** How far ink reaches from the middle of a stroke at full strength, and how far until it has faded, in pixels. */
const [CORE, REACH] = [0.6, 1.9];

/** How far the other brushes reach. */
const WIDE = 2.5;

/** Levels of grey that the text of a sheet keeps, besides black. */
const LEVELS = 7;

/** A sheet without ink and marks. */
export function blankSheet(size: number): Sheet {
  return { pixels: new Float32Array(size ** 2), marks: new Uint8Array(size ** 2) };
}

/** Whether there is neither ink nor a mark. */
export function isBlank({ pixels, marks }: Sheet): boolean {
  return pixels.every((value) => value === 0) && !marks.includes(1);
}

/** The sheet after a stroke along a line. */
export function stroked(sheet: Sheet, size: number, brush: Brush, from: Spot, to: Spot): Sheet {
  const [pixels, marks] = [sheet.pixels.slice(), sheet.marks.slice()];
  pixels.forEach((before, pixel) => {
    const spot = { x: (pixel % size) + 0.5, y: Math.floor(pixel / size) + 0.5 };
    const distance = distanceTo(spot, from, to);
    if (brush === 'ink') {
      const ink = Math.min(1, Math.max(0, (REACH - distance) / (REACH - CORE)));
      pixels[pixel] = Math.max(before, ink);
    } else if (distance < WIDE) {
      if (brush === 'rubber') pixels[pixel] = 0;
      marks[pixel] = brush === 'mark' ? 1 : 0;
    }
  });
  return { pixels, marks };
}

/** A sheet as text: four bits for each pixel, three for its grey and one for its mark. Empty for a blank one. */
export function sheetText(sheet: Sheet): string {
  if (isBlank(sheet)) return '';
  const nibbles = Array.from(sheet.pixels, (value, i) => {
    return 2 * Math.round(LEVELS * value) + sheet.marks[i];
  });
  const bytes = Array.from({ length: Math.ceil(nibbles.length / 2) }, (_, i) => {
    return 16 * nibbles[2 * i] + (nibbles[2 * i + 1] ?? 0);
  });
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** The sheet of a text; a blank one if the text is no sheet of this size. */
export function sheetOf(text: string, size: number): Sheet {
  const sheet = blankSheet(size);
  const bytes = bytesOf(text);
  if (bytes.length !== Math.ceil(size ** 2 / 2)) return sheet;
  for (let pixel = 0; pixel < size ** 2; pixel++) {
    const byte = bytes.charCodeAt(pixel >> 1);
    const nibble = pixel % 2 === 0 ? byte >> 4 : byte & 15;
    sheet.pixels[pixel] = (nibble >> 1) / LEVELS;
    sheet.marks[pixel] = nibble & 1;
  }
  return sheet;
}

function bytesOf(text: string): string {
  try {
    return atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  } catch {
    return '';
  }
}

/** The distance of a spot to the line between two others. */
function distanceTo({ x, y }: Spot, from: Spot, to: Spot): number {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = dx ** 2 + dy ** 2;
  const along = length === 0 ? 0 : ((x - from.x) * dx + (y - from.y) * dy) / length;
  const share = Math.min(1, Math.max(0, along));
  return Math.hypot(x - from.x - share * dx, y - from.y - share * dy);
}
