// The frame of a JPEG and its scans, checked before the pixels are decoded.

/** Most scans of a file. Progressive ones have about ten; each takes a walk over all blocks. */
const MOST_SCANS = 100;

/** Bits that a block of 8×8 samples takes at least: one for its first number. */
const LEAST_BITS = 1;

/** Markers without a body: the restarts, and the fill byte before a marker. */
const isRestart = (marker: number): boolean => marker >= 0xd0 && marker <= 0xd7;

const isFrame = (marker: number): boolean => marker >= 0xc0 && marker <= 0xc2;

/** Segments that hold no pixels: tables, restart interval, lines, what programs add. */
const isOther = (marker: number): boolean =>
  [0xc4, 0xdb, 0xdc, 0xdd, 0xfe].includes(marker) || (marker >= 0xe0 && marker <= 0xef);

const [SCAN, END] = [0xda, 0xd9];

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}

/** Blocks of 8×8 samples in all components of a frame, and their number. */
function readFrame(
  body: Uint8Array,
  at: number,
): { readonly blocks: number; readonly channels: number } {
  const [, high, low, wide, narrow, channels] = body;
  const [height, width] = [high * 256 + low, wide * 256 + narrow];
  const parts = Array.from({ length: Math.floor((body.length - 6) / 3) }, (_, i) => {
    const sampling = body[7 + 3 * i];
    return { across: sampling >> 4, down: sampling & 15 };
  });
  const isSampling = (n: number): boolean => n >= 1 && n <= 4;
  const isWhole =
    parts.length === channels &&
    body.length === 6 + 3 * channels &&
    parts.every(({ across, down }) => isSampling(across) && isSampling(down));
  if (!isWhole || channels === 0 || width === 0 || height === 0) {
    throw new Error(`the frame at byte ${at} is damaged`);
  }
  const [most, tallest] = [
    Math.max(...parts.map(({ across }) => across)),
    Math.max(...parts.map(({ down }) => down)),
  ];
  const units = Math.ceil(width / (8 * most)) * Math.ceil(height / (8 * tallest));
  const inUnit = parts.reduce((sum, { across, down }) => sum + across * down, 0);
  return { blocks: units * inUnit, channels };
}

/** The place after the pixels of a scan: that of the next marker which is no restart. */
function afterScan(bytes: Uint8Array, from: number): number {
  let at = bytes.indexOf(0xff, from);
  while (at !== -1 && (bytes[at + 1] === 0 || isRestart(bytes[at + 1]))) {
    at = bytes.indexOf(0xff, at + 1);
  }
  return at === -1 ? bytes.length : at;
}

/**
 * Walks through the segments of a JPEG.
 *
 * @param bytes a file that begins with the marker of JPEG
 * @returns the channels of its frame: 1, 3 or 4
 * @throws Error with the byte and the reason: a damaged structure, more than one frame, more scans than any program
 *   writes, or a frame larger than so many bytes can hold
 */
export function readJpegFrame(bytes: Uint8Array): number {
  let frame: { readonly blocks: number; readonly channels: number } | undefined;
  let scans = 0;
  for (let at = 2; ;) {
    const marker = bytes[at + 1];
    if (at + 2 > bytes.length)
      throw new Error(`it ends at byte ${bytes.length}, before its end marker`);
    if (bytes[at] !== 0xff) throw new Error(`byte ${at} is ${hex(bytes[at])}, expected a marker`);
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === END) break;
    if (marker !== SCAN && !isFrame(marker) && !isOther(marker)) {
      throw new Error(`the marker ${hex(marker)} at byte ${at} is not read`);
    }
    const length = at + 4 > bytes.length ? 0 : bytes[at + 2] * 256 + bytes[at + 3];
    const next = at + 2 + length;
    if (length < 2 || next > bytes.length) {
      throw new Error(`the segment at byte ${at} does not end within the file`);
    }
    if (isFrame(marker)) {
      if (frame !== undefined) throw new Error(`there is a second frame at byte ${at}`);
      frame = readFrame(bytes.subarray(at + 4, next), at);
    }
    if (marker === SCAN && (frame === undefined || ++scans > MOST_SCANS)) {
      const problem =
        frame === undefined ? 'stands before the frame' : `is one of more than ${MOST_SCANS}`;
      throw new Error(`the scan at byte ${at} ${problem}`);
    }
    at = marker === SCAN ? afterScan(bytes, next) : next;
  }
  if (frame === undefined || scans === 0) throw new Error('it has no picture');
  const { blocks, channels } = frame;
  if (blocks * LEAST_BITS > 8 * bytes.length) {
    throw new Error(`its frame has ${blocks} blocks, more than so few bytes can hold`);
  }
  return channels;
}
