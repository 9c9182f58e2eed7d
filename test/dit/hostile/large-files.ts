/** Large valid files, on which it is measured how much memory the readers take. */
import { gzipSync } from 'node:zlib';
import { encodeSafetensors, key, normal } from '@tessera/tensor';
import { Linear } from '@tessera/autograd/nn';
import { encodeIdxImages, encodeIdxLabels, encodeModule, initialState } from '@tessera/dit';
import { loadModule, readData } from '@tessera/dit/node';
import { encode } from 'fast-png';
import jpeg from 'jpeg-js';
import { readCaptions } from '../../../packages/dit/src/data/readers/captions-file.ts';
import { readEntries } from '../../../packages/dit/src/model/weights/encode-weights.ts';
import { decodeState, encodeState } from '../../../packages/dit/src/run/state/state-file.ts';
import { readImage } from '../../../packages/dit/src/sample/image-file.ts';
import { readMap } from '../../../packages/dit/src/sample/map-file.ts';
import { npy, zip } from '../data/data-files.ts';
import { leastConfig } from '../train/stopped-run.ts';

/** A file that one of the readers takes. */
interface LargeFile {
  /** The name of the reader among the subjects. */
  readonly reader: string;
  readonly bytes: Uint8Array;
  /** Pixels, or bytes of what comes out, where the bound is about them. Default: the bytes of the file. */
  readonly units?: number;
  /** Other files of its folder, by name. */
  readonly beside?: Readonly<Record<string, Uint8Array>>;
  /** Reads it, where the subject of the reader has another shape in mind. */
  readonly read?: (path: string, folder: string) => unknown;
}

/** Pixels of a picture's side. */
const SIDE = 512;
const AREA = SIDE ** 2;

const noise = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 2654435761) >>> 24);
const floats = Float32Array.from({ length: AREA }, (_, i) => (i % 1000) / 1000);
const lines = (row: (i: number) => object): Uint8Array =>
  new TextEncoder().encode(
    Array.from({ length: 5000 }, (_, i) => `${JSON.stringify(row(i + 1))}\n`).join(''),
  );

function pictures(): readonly LargeFile[] {
  const size = { width: SIDE, height: SIDE, channels: 1, depth: 8 } as const;
  const deep = encode({ ...size, depth: 16, data: Uint16Array.from(floats, (x) => x * 65_535) });
  const photo = { width: SIDE, height: SIDE, data: noise(4 * AREA) };
  const files = [
    encode({ ...size, data: noise(AREA) }),
    encode({ ...size, channels: 4, data: noise(4 * AREA) }),
    encode({ ...size, depth: 1, data: noise(AREA / 8) }),
    encode({
      ...size,
      palette: [
        [1, 2, 3],
        [4, 5, 6],
      ],
      data: new Uint8Array(AREA),
    }),
    deep,
    new Uint8Array(jpeg.encode(photo, 50).data),
  ];
  const asked = { size: SIDE, channels: 1 } as const;
  const given = 'images and maps of sampling';
  return [
    ...files.map((bytes) => ({ reader: 'PNG and JPEG', bytes, units: AREA })),
    { reader: given, bytes: deep, units: AREA, read: (path) => readMap(path, SIDE) },
    { reader: given, bytes: files[1], units: AREA, read: (path) => readImage(path, asked) },
    {
      reader: given,
      bytes: npy('<f4', [SIDE, SIDE], floats),
      units: AREA,
      read: (path) => readMap(path, SIDE),
    },
  ];
}

function arrays(): readonly LargeFile[] {
  const rows = [AREA / 256, 16, 16];
  const latents = npy('<f4', [AREA / 256, 1, 16, 16], floats);
  // Texts of one letter each, whose other letters are zeros.
  const letters = Uint8Array.from({ length: AREA * 4 }, (_, i) => (i % SIDE === 0 ? 97 : 0));
  const captions = npy('<U128', [AREA / 128], letters);
  const images = npy('|u1', [AREA / 128, 2, 2], noise(AREA / 32));
  return [
    { reader: 'npy in memory', bytes: npy('<f4', [SIDE, SIDE], floats) },
    { reader: 'npy in memory', bytes: npy('|u1', [SIDE, SIDE], noise(AREA)) },
    ...[
      npy('<f4', rows, floats),
      npy('|u1', rows, noise(AREA)),
      zip({ 'latents.npy': latents }),
      zip({ 'images.npy': images, 'captions.npy': captions }),
    ].map((bytes) => ({ reader: 'npy and npz as data', bytes })),
  ];
}

function idxFiles(): readonly LargeFile[] {
  const count = AREA / 256;
  const idx = encodeIdxImages({ images: noise(AREA), count, rows: 16, columns: 16 });
  const few = encodeIdxImages({ images: noise(256), count: 1, rows: 16, columns: 16 });
  const file = 'train-images-idx3-ubyte';
  const beside = {
    'train-labels-idx1-ubyte': encodeIdxLabels(new Uint8Array(count)),
    't10k-images-idx3-ubyte': few,
    't10k-labels-idx1-ubyte': encodeIdxLabels(Uint8Array.of(1)),
  };
  const read = (_path: string, folder: string): unknown => readData(folder);
  return [
    { reader: `idx: ${file}`, bytes: idx, beside, read },
    { reader: `idx: ${file}.gz`, bytes: gzipSync(idx), units: idx.length, beside, read },
  ];
}

async function tensorFiles(): Promise<readonly LargeFile[]> {
  const entries = new Map([
    ['w', { dtype: 'float32', shape: [SIDE, SIDE], data: floats }],
  ] as const);
  const linear = new Linear(SIDE, SIDE, { key: key(0) });
  const config = leastConfig({ backend: 'cpu' });
  const place = { stage: 'diffusion', step: 2, log: 10, config, sources: { data: 'abc' } } as const;
  const state = await encodeState(place, { training: linear });
  const small = initialState(new Linear(3, 2, { key: key(0) }), key(1));
  const images = normal(key(0), [SIDE, SIDE]);
  const facts = { stage: 'diffusion', step: '3', config: JSON.stringify(config), indices: '[0,1]' };
  const step = encodeSafetensors(await readEntries({ state: small, batch: { images } }), {
    format: 'tessera-anomaly',
    version: '1',
    ...facts,
  });
  return [
    { reader: 'safetensors in memory', bytes: encodeSafetensors(entries) },
    { reader: 'safetensors in memory', bytes: encodeSafetensors(entries, {}, { floats: 'F16' }) },
    {
      reader: 'weights of a module',
      bytes: await encodeModule(linear),
      read: (path) => loadModule(path, linear),
    },
    {
      reader: 'saved states',
      bytes: state,
      read: (path) => decodeState(state, path).take('training', linear),
    },
    { reader: 'steps to replay', bytes: step },
  ];
}

function texts(): readonly LargeFile[] {
  const facts = { stage: 'diffusion', loss: 1.5, gradNorm: 0.5, imagesPerSecond: 100 };
  const scores = { accuracy: 0.5, fcd: 3, precision: 1, recall: 0 };
  const captions = `file,caption\n${`a.png,${'a'.repeat(999)}\n`.repeat(1000)}`;
  return [
    { reader: 'log.jsonl', bytes: lines((step) => ({ ...facts, step })) },
    { reader: 'evaluations.jsonl', bytes: lines((step) => ({ ...scores, step })) },
    { reader: 'captions.csv', bytes: new TextEncoder().encode(captions), read: readCaptions },
  ];
}

/** A file or more for each reader whose files may be large. */
export async function largeFiles(): Promise<readonly LargeFile[]> {
  return [...(await tensorFiles()), ...arrays(), ...idxFiles(), ...pictures(), ...texts()];
}
