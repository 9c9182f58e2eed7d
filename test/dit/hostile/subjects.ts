/** The readers of files, each with small valid files of its own making, and what must hold of what it reads. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  decodeSafetensors,
  encodeSafetensors,
  fromNpy,
  key,
  npyDType,
  tensor,
  zeros,
} from '@tessera/tensor';
import { Linear } from '@tessera/autograd/nn';
import { encodeIdxImages, encodeIdxLabels, encodeModule, initialState } from '@tessera/dit';
import { loadModule, readData, readLog, readRuler } from '@tessera/dit/node';
import { encode } from 'fast-png';
import jpeg from 'jpeg-js';
import { decodeImage } from '../../../packages/dit/src/data/readers/decode-image.ts';
import { readEntries } from '../../../packages/dit/src/model/weights/encode-weights.ts';
import { readAnomalyFile } from '../../../packages/dit/src/run/anomaly-file.ts';
import { readEvaluations } from '../../../packages/dit/src/run/evaluation-log.ts';
import { readTrainConfig } from '../../../packages/dit/src/run/run-folder.ts';
import { lockRun } from '../../../packages/dit/src/run/state/run-lock.ts';
import { decodeState, encodeState } from '../../../packages/dit/src/run/state/state-file.ts';
import { LeNet } from '../../../packages/dit/src/evaluate/lenet.ts';
import { readImage } from '../../../packages/dit/src/sample/image-file.ts';
import { readMap } from '../../../packages/dit/src/sample/map-file.ts';
import { npy, NUMPY_ARCHIVE, png, zip } from '../data/data-files.ts';
import { leastConfig } from '../train/stopped-run.ts';
import type { BoundName } from './bounds.ts';
import { PART_OF_SAMPLES } from './part-of-samples.ts';
import { packed, sealed, withSums } from './repairs.ts';
import { WEIGHTS_OF_TORCH } from './weights-of-torch.ts';

/** A file before it is mangled, and what is done to it afterwards, such as new checksums. */
interface Original {
  readonly bytes: Uint8Array;
  readonly finish?: (mangled: Uint8Array) => Uint8Array;
}

/** A reader. */
export interface Subject {
  readonly name: string;
  readonly bound: BoundName;
  readonly originals: readonly Original[];
  /** The file in the folder of the test that is mangled. */
  readonly file: string;
  /** Its share of all mangled files, beside 1 of the others. Default: 1. */
  readonly share?: number;
  /** Puts other files into the folder, once. */
  prepare?(folder: string): void;
  /** Reads the file, and throws a plain Error if the value is none that this reader may give. */
  read(path: string, folder: string, bytes: Uint8Array): unknown;
}

function expectThat(holds: boolean, what: string): void {
  if (!holds) throw new Error(`accepted, though ${what}`);
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const json = (value: unknown): Uint8Array => text(JSON.stringify(value));
const lines = (...rows: readonly unknown[]): Uint8Array =>
  text(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));

const config = leastConfig({ backend: 'cpu' });
const few = {
  w: tensor([
    [1, 2],
    [3, 4],
  ]),
  key: tensor([1, 2], { dtype: 'int32' }),
};
const linear = new Linear(3, 2, { key: key(0) });

const tensors = new Map([
  ['a.weight', { dtype: 'float32', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
  ['a.bias', { dtype: 'int32', shape: [2], data: Int32Array.of(1, 2) }],
  ['mask', { dtype: 'bool', shape: [3], data: Uint8Array.of(0, 1, 1) }],
] as const);

const palette = Array.from({ length: 4 }, (_, i) => [i * 60, 255 - i * 60, 0]);
const pngs = [
  png([200], 8),
  png([200, 100, 50, 255], 5, 3),
  encode({ width: 4, height: 4, channels: 1, depth: 16, data: new Uint16Array(16).fill(4000) }),
  encode({
    width: 8,
    height: 2,
    channels: 1,
    depth: 2,
    palette,
    data: Uint8Array.of(0x1b, 0xe4, 0x1b, 0xe4),
  }),
];
const pixels = Uint8Array.from({ length: 4 * 16 * 16 }, (_, i) => (i * 37) % 256);
const photo = new Uint8Array(jpeg.encode({ data: pixels, width: 16, height: 16 }, 50).data);
const pictures: readonly Original[] = [
  ...pngs.map((bytes) => ({ bytes, finish: withSums })),
  ...pngs.map((bytes) => ({ bytes })),
  ...[photo, photo, photo].map((bytes) => ({ bytes })),
];

const floats = npy('<f4', [2, 2, 2], Float32Array.of(0, 0.25, 0.5, 1, 0, 0.25, 0.5, 1));
const arrays = [
  floats,
  npy(
    '|u1',
    [2, 2, 3],
    Uint8Array.from({ length: 12 }, (_, i) => i * 20),
  ),
  npy('>i4', [3], Int32Array.of(1, 2, 3)),
  npy('|b1', [4], Uint8Array.of(0, 1, 1, 0)),
];
const images = {
  images: Uint8Array.from({ length: 32 }, (_, i) => i),
  count: 2,
  rows: 4,
  columns: 4,
};
const idx = encodeIdxImages(images);
const labels = encodeIdxLabels(Uint8Array.of(0, 1));

/** The other three files of a folder like MNIST's. */
function digits(folder: string, except: string): void {
  const files = {
    'train-images-idx3-ubyte': idx,
    'train-labels-idx1-ubyte': labels,
    't10k-images-idx3-ubyte': idx,
    't10k-labels-idx1-ubyte': labels,
  };
  for (const [name, bytes] of Object.entries(files)) {
    if (!except.startsWith(name)) writeFileSync(join(folder, name), bytes);
  }
}

const row = { stage: 'diffusion', step: 1, loss: 1.5, gradNorm: 0.5, imagesPerSecond: 100 };
const norms = { blocks: { gradNorm: 1, weightNorm: 2, updateNorm: 0.1 } };

/** The card of a ruler of two classes of 16×16 images. */
export const RULER_CARD = {
  format: 'tessera-ruler-1',
  data: 'mine',
  classes: '2',
  side: '16',
  channels: '1',
  epochs: '1',
  seed: '0',
  accuracy: '0.5',
};

/** All readers, with files to mangle. */
export async function subjects(): Promise<readonly Subject[]> {
  const place = { stage: 'diffusion', step: 2, log: 10, config, sources: { data: 'abc' } } as const;
  const state = await encodeState(place, { training: few });
  const weights = await encodeModule(linear);
  const lenet = new LeNet({ channels: 1, side: 16, classes: 2, key: key(0) });
  const ruler = await encodeModule(lenet, RULER_CARD);
  const small = initialState(linear, key(1));
  const batch = { images: zeros([2, 3]), labels: { label: zeros([2]) } };
  const step = encodeSafetensors(await readEntries({ state: small, batch }), {
    format: 'tessera-anomaly',
    version: '1',
    stage: 'diffusion',
    step: '3',
    config: JSON.stringify(config),
    indices: '[0,1]',
  });
  const owner = { id: 'x', host: 'elsewhere', pid: 1, since: '2026-01-01T00:00:00.000Z' };
  return [
    {
      name: 'safetensors in memory',
      bound: 'tensors',
      file: 'weights.safetensors',
      originals: [
        { bytes: encodeSafetensors(tensors, { note: 'mine' }) },
        { bytes: encodeSafetensors(tensors, {}, { floats: 'F16' }) },
      ],
      read(path, _folder, bytes) {
        const { tensors: found, metadata } = decodeSafetensors(bytes, path);
        for (const { shape, data } of found.values()) {
          expectThat(
            data.length === shape.reduce((size, side) => size * side, 1),
            'a shape has other elements',
          );
        }
        expectThat(
          Object.values(metadata).every((value) => typeof value === 'string'),
          'metadata are no texts',
        );
        expectThat(!('polluted' in {}), 'a prototype has changed');
      },
    },
    {
      name: 'weights of a module',
      bound: 'tensors',
      file: 'model.safetensors',
      originals: [{ bytes: weights }],
      async read(path) {
        const { weight } = await loadModule(path, linear);
        expectThat((await weight.data()).every(Number.isFinite), 'weights are not finite');
      },
    },
    {
      name: 'npy in memory',
      bound: 'array',
      file: 'x.npy',
      originals: arrays.map((bytes) => ({ bytes })),
      async read(path, _folder, bytes) {
        const x = fromNpy(bytes, path);
        expectThat(npyDType(bytes, path) !== '', 'it has no dtype');
        expectThat((await x.data()).length === x.size, 'a shape has other elements');
      },
    },
    {
      name: 'npy and npz as data',
      bound: 'data',
      file: 'set.npz',
      originals: [
        { bytes: NUMPY_ARCHIVE },
        {
          bytes: zip({ 'images.npy': floats, 'labels.npy': npy('<i4', [2], Int32Array.of(0, 1)) }),
        },
        { bytes: floats, finish: packed },
        { bytes: floats, finish: (array) => zip({ 'images.npy': array }) },
        {
          bytes: npy('<U3', [2], Int32Array.of(97, 98, 0, 99, 0, 0)),
          finish: (array) => zip({ 'images.npy': floats, 'captions.npy': array }),
        },
        {
          bytes: npy('<f4', [2, 1, 2, 2], new Float32Array(8)),
          finish: (array) => zip({ 'latents.npy': array }),
        },
        { bytes: floats },
      ],
      async read(path) {
        const data = await readData(path);
        for (const half of [data.train, data.test]) {
          expectThat(
            half.labels === undefined || half.labels.length === half.count,
            'labels are too few',
          );
          expectThat(
            half.captions === undefined || half.captions.length === half.count,
            'captions are too few',
          );
        }
        if (data.kind === 'latents') {
          expectThat(data.train.latents.every(Number.isFinite), 'latents are not finite');
        } else {
          const { count, rows, columns, channels = 1, images: found } = data.train;
          expectThat(found.length === count * rows * columns * channels, 'images have other sizes');
        }
      },
    },
    ...(
      ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte', 'train-images-idx3-ubyte.gz'] as const
    ).map((file): Subject => {
      const bytes = file.includes('labels') ? labels : idx;
      return {
        name: `idx: ${file}`,
        bound: 'idx',
        file,
        originals: file.endsWith('.gz')
          ? [{ bytes, finish: (raw) => gzipSync(raw) }, { bytes: gzipSync(bytes) }]
          : [{ bytes }],
        async read(_path, folder) {
          digits(folder, file);
          const data = await readData(folder);
          expectThat(data.kind === 'images' && data.train.count === 2, 'there are other images');
        },
      };
    }),
    {
      name: 'PNG and JPEG',
      bound: 'picture',
      file: 'picture.png',
      originals: pictures,
      read(path, _folder, bytes) {
        const { rows, columns, channels, pixels: found } = decodeImage(bytes, path);
        expectThat(found.length === rows * columns * channels, 'pixels are too few');
      },
    },
    {
      name: 'images and maps of sampling',
      bound: 'picture',
      file: 'given',
      originals: [
        ...pictures,
        { bytes: floats.subarray(0, 0) },
        { bytes: npy('<f4', [2, 2], Float32Array.of(0, 0.5, 1, 0.1)) },
        { bytes: npy('|u1', [2, 2], Uint8Array.of(0, 9, 255, 1)) },
      ],
      async read(path, _folder, bytes) {
        const read =
          bytes.length % 2 === 0 ? readMap(path, 16) : readImage(path, { size: 16, channels: 1 });
        expectThat((await read).every(Number.isFinite), 'it is not finite');
      },
    },
    {
      name: 'config.json',
      bound: 'text',
      file: 'config.json',
      originals: [{ bytes: text(`${JSON.stringify(config, null, 2)}\n`) }],
      async read(path) {
        expectThat(Number.isSafeInteger((await readTrainConfig(path)).steps), 'it has no steps');
      },
    },
    {
      name: 'log.jsonl',
      bound: 'text',
      file: 'log.jsonl',
      originals: [
        {
          bytes: lines(row, { ...row, step: 2, memory: 1e8, modules: norms }, { ...row, step: 3 }),
        },
      ],
      async read(path) {
        expectThat(
          (await readLog(path)).every(({ loss }) => Number.isFinite(loss)),
          'a loss is not finite',
        );
      },
    },
    {
      name: 'evaluations.jsonl',
      bound: 'text',
      file: 'evaluations.jsonl',
      originals: [
        {
          bytes: lines(
            { step: 1, accuracy: 0.5, fcd: 3, precision: 1, recall: 0 },
            { step: 2, fcd: 3, precision: 1, recall: 0 },
          ),
        },
      ],
      read: (path) => readEvaluations(path),
    },
    {
      name: 'saved states',
      bound: 'tensors',
      file: 'diffusion-000002.safetensors',
      originals: [{ bytes: state, finish: sealed }, { bytes: state }],
      read(path, _folder, bytes) {
        const found = decodeState(bytes, path);
        expectThat(
          Number.isSafeInteger(found.step) && Number.isSafeInteger(found.log),
          'its place is no number',
        );
        found.take('training', few);
      },
    },
    PART_OF_SAMPLES,
    WEIGHTS_OF_TORCH,
    {
      name: 'captions.csv',
      bound: 'text',
      file: 'captions.csv',
      originals: [
        { bytes: text('file,caption,label\na.png,"one, ""two""",cat\nb.png,three,dog\n') },
        { bytes: text('\ufefffile_name,text\r\na.png,one\r\nb.png,two\r\n') },
      ],
      prepare(folder) {
        writeFileSync(join(folder, 'a.png'), pngs[0]);
        writeFileSync(join(folder, 'b.png'), pngs[0]);
      },
      async read(_path, folder) {
        const data = await readData(folder);
        expectThat(
          data.kind === 'images' && data.train.count <= 2,
          'there are more images than files',
        );
      },
    },
    {
      name: 'rulers',
      bound: 'tensors',
      file: 'ruler.safetensors',
      // The weights alone are many; a few changes in them say little.
      originals: [
        {
          bytes: ruler.subarray(0, 2000),
          finish: (head) => Buffer.concat([head, ruler.subarray(2000)]),
        },
      ],
      async read(path) {
        const { card: found } = await readRuler(path);
        expectThat(found.side >= 16 && found.classes >= 1, 'its card is of no network');
      },
    },
    {
      name: 'steps to replay',
      bound: 'tensors',
      file: 'anomaly.safetensors',
      originals: [{ bytes: step }],
      async read(path) {
        const stored = await readAnomalyFile(path);
        expectThat(Number.isSafeInteger(stored.step), 'its step is no number');
        stored.state(small);
        stored.batch();
      },
    },
    {
      name: 'locks',
      bound: 'text',
      file: 'state/lock.json',
      originals: [{ bytes: json(owner) }],
      // Who takes over a lock waits a fifth of a second.
      share: 0.1,
      async read(_path, folder) {
        const lock = await lockRun(folder, () => undefined);
        await lock.release();
      },
    },
    {
      name: 'mappings of EMNIST',
      bound: 'text',
      file: 'emnist-mine-mapping.txt',
      originals: [{ bytes: text('0 48\n1 49 97\n2 65\n') }],
      prepare(folder) {
        for (const half of ['train', 'test']) {
          writeFileSync(join(folder, `emnist-mine-${half}-images-idx3-ubyte`), idx);
          writeFileSync(join(folder, `emnist-mine-${half}-labels-idx1-ubyte`), labels);
        }
      },
      async read(_path, folder) {
        await readData(folder);
      },
    },
  ];
}
