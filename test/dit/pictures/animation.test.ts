import { decodeApng } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { encodeAnimation, type Frame } from '../../../packages/dit/src/pictures/animation.ts';

function frames(count: number, channels: 1 | 3): Frame[] {
  return Array.from({ length: count }, (_, n) => ({
    pixels: Uint8Array.from({ length: 5 * 7 * channels }, (__, i) => (n * 40 + i * 3) % 256),
    height: 5,
    width: 7,
    channels,
  }));
}

/** The frames of a GIF: their colours, pixel by pixel, and their delays in hundredths of a second. */
function readGif(bytes: Uint8Array): { pixels: number[][]; delay: number }[] {
  expect(new TextDecoder().decode(bytes.subarray(0, 6))).toBe('GIF89a');
  let at = 13;
  const table = (flags: number): number[][] => {
    const size = 2 ** ((flags & 7) + 1);
    const colours = Array.from({ length: size }, (_, i) => [
      ...bytes.subarray(at + 3 * i, at + 3 * i + 3),
    ]);
    at += 3 * size;
    return colours;
  };
  const blocks = (): number[] => {
    const all: number[] = [];
    for (; bytes[at] > 0; at += bytes[at] + 1)
      all.push(...bytes.subarray(at + 1, at + 1 + bytes[at]));
    at++;
    return all;
  };
  const global = table(bytes[10]);
  const found: { pixels: number[][]; delay: number }[] = [];
  let delay = 0;
  for (;;) {
    const mark = bytes[at++];
    if (mark === 0x3b) return found;
    if (mark === 0x21) {
      const control = bytes[at++] === 0xf9;
      const data = blocks();
      if (control) delay = data[1] + 256 * data[2];
    } else {
      const flags = bytes[at + 8];
      at += 9;
      const colours = (flags & 0x80) > 0 ? table(flags) : global;
      const codeSize = bytes[at++];
      found.push({ pixels: unpack(blocks(), codeSize).map((i) => colours[i]), delay });
    }
  }
}

/** LZW with codes of growing width, lowest bits first. */
function unpack(data: readonly number[], codeSize: number): number[] {
  const [clear, end] = [2 ** codeSize, 2 ** codeSize + 1];
  const pixels: number[] = [];
  let table: number[][] = [];
  let width = 0;
  let before: number[] | null = null;
  let bit = 0;
  for (;;) {
    const size = width === 0 ? codeSize + 1 : width;
    let code = 0;
    for (let i = 0; i < size; i++, bit++) code |= ((data[bit >> 3] >> (bit & 7)) & 1) << i;
    if (code === end) return pixels;
    if (code === clear) {
      table = [];
      width = codeSize + 1;
      before = null;
      continue;
    }
    const known: number[] | undefined = code < clear ? [code] : table[code - clear - 2];
    const entry: number[] = known ?? [...(before ?? []), (before ?? [])[0]];
    pixels.push(...entry);
    if (before !== null && table.length + clear + 2 < 4096) table.push([...before, entry[0]]);
    if (table.length + clear + 2 >= 2 ** width && width < 12) width++;
    before = entry;
  }
}

describe('an APNG', () => {
  it.each([1, 3] as const)('holds all frames to the byte, of %i channels', async (channels) => {
    const wanted = frames(4, channels);
    const found = decodeApng(await encodeAnimation('apng', wanted), { checkCrc: true });
    expect(found).toMatchObject({ width: 7, height: 5, numberOfFrames: 4, numberOfPlays: 0 });
    expect(found.frames.map(({ data }) => [...data])).toEqual(
      wanted.map(({ pixels }) => [...pixels]),
    );
    expect(found.frames.map(({ delayNumber }) => delayNumber)).toEqual([120, 120, 120, 1500]);
    expect(found.frames.every(({ delayDenominator }) => delayDenominator === 1000)).toBe(true);
  });
});

describe('a GIF', () => {
  it('holds grey frames to the byte, and stays at the last', async () => {
    const wanted = frames(3, 1);
    const found = readGif(await encodeAnimation('gif', wanted));
    expect(found.map(({ pixels }) => pixels)).toEqual(
      wanted.map(({ pixels }) => Array.from(pixels, (grey) => [grey, grey, grey])),
    );
    expect(found.map(({ delay }) => delay)).toEqual([12, 12, 150]);
  });

  it('holds colours as near as a palette of 256 comes', async () => {
    const [wanted] = frames(1, 3);
    const [{ pixels }] = readGif(await encodeAnimation('gif', [wanted]));
    // gifenc chooses colours of 5 or 6 bits a channel: steps of 8 and 4.
    pixels.flat().forEach((value, i) => {
      expect(Math.abs(value - wanted.pixels[i])).toBeLessThanOrEqual(8);
    });
  });
});

it('frames are at least one, and of one size', async () => {
  await expect(encodeAnimation('gif', [])).rejects.toThrow('there is no frame');
  const [frame, other] = [frames(1, 1)[0], { ...frames(1, 1)[0], height: 7, width: 5 }];
  await expect(encodeAnimation('apng', [frame, other])).rejects.toThrow(
    'encodeAnimation: frame 1 has another size than frame 0.',
  );
});
