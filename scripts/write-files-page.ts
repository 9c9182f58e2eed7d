// Writes docs/files.md, the list of all source files, from their header lines.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { layers, roomTables, type Layer } from '../test/architecture/layers.ts';
import { headerOf } from '../test/architecture/project.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The package whose folders have layers, in the order of which they are listed. */
const TENSOR = 'packages/tensor/src';

/** A part of the page. */
interface Part {
  readonly title: string;
  readonly about: string;
  /** Its folders in the order of the page, each with a sentence. */
  readonly folders: readonly (readonly [folder: string, about: string])[];
}

/** Folders of `@tessera/tensor` that hold files of several layers, or none of their own, and what they are. */
const TENSOR_FOLDERS: Readonly<Record<string, string>> = {
  '': 'What everything else stands on, and what users call',
  array: 'Shapes, strides and element types: arithmetic without elements',
  backends: 'What all backends have in common',
  'backends/cpu': 'The backend to read: loops that say what every primitive means',
  'backends/wasm':
    'The default backend, which writes WebAssembly; its rooms follow in the order of the work',
  'backends/gpu': 'The backend on gpu.js; its rooms follow in the order of the work',
  'backends/wasm/elementwise/transcendental': 'Functions of four numbers at once',
  compile: 'From a function to a plan, and to a function that runs it',
};

const PARTS: readonly Part[] = [
  {
    title: '@tessera/autograd',
    about: 'Gradients, modules and optimizers, on the public names of `@tessera/tensor`.',
    folders: [
      ['packages/autograd/src', 'Differentiation itself, as functions of functions'],
      ['packages/autograd/src/graph', 'The recorded graph, and ways to look at it'],
      ['packages/autograd/src/vjp', 'The gradient rules, a file an operation or family'],
      ['packages/autograd/src/nn', 'Models as trees of parameters'],
      ['packages/autograd/src/nn/layers', 'Layers and the first values of their weights'],
      ['packages/autograd/src/nn/losses', 'What training makes small'],
      ['packages/autograd/src/optim', 'Updates of parameters as pure functions'],
      ['packages/autograd/src/debug', 'What finds the operation that made NaN or infinity'],
      ['packages/autograd/src/testing', 'Random shapes and tensors for property tests'],
    ],
  },
  {
    title: '@tessera/onnx',
    about: 'Functions of tensors as ONNX models, on the public names of `@tessera/tensor`.',
    folders: [
      ['packages/onnx/src', 'From a function to a model'],
      ['packages/onnx/src/graph', 'Graphs of ONNX, and their bytes'],
      [
        'packages/onnx/src/rules',
        'How each primitive is said in ONNX, a file an operation or family',
      ],
      ['packages/onnx/src/rules/pointwise', 'Arithmetic on single elements'],
    ],
  },
  {
    title: '@tessera/dit',
    about:
      'Diffusion Transformers, their training and the command line, on the public names of both.',
    folders: [
      ['packages/dit/src', 'The public names'],
      ['packages/dit/src/config', 'What a run is made of'],
      ['packages/dit/src/config/codec', 'The sizes and rules of each codec, a file a kind'],
      ['packages/dit/src/data', 'From files of images to batches'],
      ['packages/dit/src/data/readers', 'A file for each format of data sets'],
      [
        'packages/dit/src/data/measures',
        'What images say of themselves, which part is kept, and what latents bring along',
      ],
      ['packages/dit/src/evaluate', 'How good the samples of a run are'],
      ['packages/dit/src/autoencoder', 'From images to latents and back'],
      ['packages/dit/src/codec', 'What stands between data and model, a file a kind'],
      ['packages/dit/src/model', 'The Diffusion Transformer'],
      ['packages/dit/src/model/blocks', 'The four block designs behind one interface'],
      ['packages/dit/src/model/weights', 'The weights of a model as bytes, and back'],
      [
        'packages/dit/src/model/conditions',
        'What a model hears beside timestep and label, a file a kind',
      ],
      ['packages/dit/src/diffusion', 'Noise, losses, samplers and guidance: the mathematics'],
      ['packages/dit/src/diffusion/schedule', 'How much noise each timestep holds'],
      ['packages/dit/src/diffusion/process', 'Noising, and what a prediction stands for'],
      ['packages/dit/src/diffusion/objective', 'What a model is trained on'],
      ['packages/dit/src/diffusion/sampler', 'From noise to latents, one sampler a file'],
      ['packages/dit/src/diffusion/guidance', 'A conditional model, pulled towards its condition'],
      ['packages/dit/src/train', 'From a configuration to trained weights'],
      [
        'packages/dit/src/train/latents',
        'The latents of a run kept on disk, and those that several trainings share',
      ],
      ['packages/dit/src/train/from-run', 'What starts from the weights of a trained run'],
      ['packages/dit/src/train/stages', 'The two trainings of a run, and the loop around a step'],
      ['packages/dit/src/train/resume', 'What a stopped run goes on from'],
      ['packages/dit/src/train/evaluation', 'Scores along a training, and the best weights'],
      ['packages/dit/src/train/watch', 'What is looked at while a model trains'],
      ['packages/dit/src/train/anomaly', 'What repeats a step that went wrong'],
      ['packages/dit/src/sample', 'From trained weights to images'],
      ['packages/dit/src/sample/output', 'The files that samples and films are written to'],
      ['packages/dit/src/run', 'The folder of a run and its files'],
      ['packages/dit/src/run/state', 'Saved states, and who may write them'],
      ['packages/dit/src/run/torch', 'Weights as PyTorch writes them'],
      ['packages/dit/src/run/integrity', 'Hashes and checksums: the same bytes, or not'],
      ['packages/dit/src/shard', 'Parts of a work for a job array'],
      ['packages/dit/src/pictures', 'Grids, curves and the way to PNG'],
      ['packages/dit/src/exchange/diffusers', 'Weights under the names of diffusers'],
      ['packages/dit/src/exchange/weights', 'Weights alone, for PyTorch and from anywhere'],
      ['packages/dit/src/exchange/onnx', 'Parts of a run as ONNX models'],
      ['packages/dit/src/exchange', 'What other programs go on with'],
      ['packages/dit/src/exchange/pytorch', 'A training that goes on in PyTorch, and back'],
      ['packages/dit/src/inspect', 'What models cost, as numbers and tables'],
      ['packages/dit/src/report', 'What the folder of a run tells, as one document'],
      ['packages/dit/src/scale', 'Quality against size, patches, designs and compute'],
      ['packages/dit/src/learn', 'The exercises of the tour, and the check of answers'],
      ['packages/dit/src/learn/chapters', 'The exercises of each chapter, with their solutions'],
      ['packages/dit/src/cli', 'The command line'],
      ['packages/dit/src/cli/train', 'What a training is told on the command line'],
      ['packages/dit/src/cli/sample', 'The options of `tessera sample`, from words to a request'],
      ['packages/dit/src/cli/report', 'Reports on runs, and steps that are replayed'],
      ['packages/dit/src/cli/studio', 'The server of the pages of the studio'],
      ['packages/dit/src/cli/exchange', 'Runs for other programs, on the command line'],
      ['packages/dit/src/cli/scale', 'Many trainings of one recipe, on the command line'],
      ['packages/dit/bin', 'What npm links as a command'],
    ],
  },
  {
    title: '@tessera/studio',
    about:
      'Pages that draw, train and look inside, on the public names of the packages above. It is not published by itself.',
    folders: [
      ['packages/studio/src', 'The page and its worker, which know all rooms'],
      ['packages/studio/src/state', 'What the address of the page holds'],
      ['packages/studio/src/engine', 'The worker that computes, as a room calls it'],
      ['packages/studio/src/engine/run', 'Trained runs in the worker'],
      ['packages/studio/src/parts', 'What several rooms show'],
      ['packages/studio/src/parts/pad', 'A pad to draw on'],
      ['packages/studio/src/code', "A reader's code, as rooms show it"],
      ['packages/studio/src/code/worker', 'The worker that runs what a reader writes'],
      ['packages/studio/src/code/graph', 'A tape as boxes that one pans and zooms'],
      ['packages/studio/src/rooms/draw', 'The room Draw: digits out of noise'],
      ['packages/studio/src/rooms/train', 'The room Train: a model from nothing'],
      ['packages/studio/src/rooms/inside', 'The room Look inside: the tape of a function'],
      ['packages/studio/src/rooms/inside/compiled', 'What the compiler makes of a function'],
      [
        'packages/studio/src/rooms/transformer',
        'The room Inside the transformer: what a model computes for one digit',
      ],
      ['packages/studio/src/rooms/read', 'The room Read: the tour, the glossary and the API'],
      ['packages/studio/vite', 'Steps of the build of the pages'],
      ['packages/studio/vite/book', 'The pages of the room Read, from documents and docstrings'],
    ],
  },
  {
    title: 'Beside the packages',
    about: 'Programs to read, to measure with, and to keep the house in order.',
    folders: [
      ['examples', 'Programs to read first'],
      ['benchmarks', 'The commands that measure'],
      ['benchmarks/works', 'What is measured'],
      ['benchmarks/contenders', 'Who is measured, each library behind one interface'],
      ['benchmarks/compare', 'How contenders are compared and reported'],
      ['benchmarks/options', 'What each option of a training gains in the same time'],
      ['benchmarks/scaling', 'How long data-parallel training waits for its network'],
      ['benchmarks/browser', 'A training step in pages'],
      ['benchmarks/studio', 'What the pages of the studio must reach, a file a room'],
      ['benchmarks/samples', 'How well trained runs draw what they are asked for'],
      ['scripts', 'Steps of the build and of `npm run check`'],
      ['scripts/weights', 'The weights that `@tessera/dit` brings, and their card'],
    ],
  },
];

/** Where else source files are. */
const PLACES = [
  'packages/autograd/src',
  'packages/onnx/src',
  'packages/dit/src',
  'packages/dit/bin',
  'packages/studio/src',
  'packages/studio/vite',
  'examples',
  'benchmarks',
  'scripts',
];

/**
 * The page: every source file with its header line, folder by folder, from the bottom up.
 *
 * @throws Error if a folder has no sentence, or one that has a sentence is gone.
 */
export function filesPage(): string {
  const tensor: Part = {
    title: '@tessera/tensor',
    about:
      'Tensors, the compiler and the backends. A folder stands on those before it; ' +
      '`test/architecture/layers.ts` holds it to that.',
    folders: [
      ...tensorFolders(),
      ['packages/tensor/threads', 'What threads run, shipped as it stands'],
    ],
  };
  const listed = PARTS.flatMap(({ folders }) => folders.map(([folder]) => folder));
  const existing = PLACES.flatMap(foldersBelow);
  for (const folder of existing) if (!listed.includes(folder)) throw noSentence(folder);
  const gone = listed.find((folder) => !existing.includes(folder));
  if (gone !== undefined) throw new Error(`write-files-page: there is no folder ${gone}.`);
  const parts = [tensor, ...PARTS];
  return [
    '# Every file in one line',
    'Written by `npm run docs:files` from the first line of each file. To change a line here, change it there.',
    ...parts.flatMap(({ title, about, folders }) => [
      `## ${title}`,
      about,
      ...folders.flatMap(([folder, sentence]) => folderLines(folder, sentence)),
    ]),
  ]
    .join('\n\n')
    .concat('\n');
}

function noSentence(folder: string): Error {
  return new Error(`write-files-page: no sentence for the folder ${folder}.`);
}

function folderLines(folder: string, sentence: string): string[] {
  const place = folder.replace(/^packages\/[^/]+\/src\/?/, '');
  const files = filesOf(folder).map((file) => {
    const header = headerOf(readFileSync(`${root}${folder}/${file}`, 'utf8')) ?? '';
    return `- [\`${file}\`](../${folder}/${file}): ${header}`;
  });
  const about = sentence.charAt(0).toUpperCase() + sentence.slice(1);
  return [`### ${place === '' ? 'src' : place}`, `_${about}._`, files.join('\n')];
}

/** The folders of `@tessera/tensor` in the order of layers and rooms, each with the reason why it stands there. */
function tensorFolders(): (readonly [string, string])[] {
  const table = layers['@tessera/tensor'];
  const below = foldersBelow(TENSOR).map((folder) => folder.slice(TENSOR.length + 1));
  return below
    .map((folder) => ({ folder, rank: rankOf(table, folder) }))
    .toSorted((a, b) => compareRanks(a.rank, b.rank))
    .map(({ folder }) => {
      const path = folder === '' ? TENSOR : `${TENSOR}/${folder}`;
      const room = roomOf(path)?.reason;
      const layer = table.find(({ files }) => files.includes(`${folder}/`))?.reason;
      const about = TENSOR_FOLDERS[folder] ?? room ?? layer;
      if (about === undefined) throw noSentence(path);
      return [path, about] as const;
    });
}

/** Where a folder stands: its lowest layer, its room among others, its name. */
function rankOf(table: readonly Layer[], folder: string): readonly (number | string)[] {
  const path = folder === '' ? TENSOR : `${TENSOR}/${folder}`;
  const inside = (file: string): string => (folder === '' ? file : `${folder}/${file}`);
  const layer = Math.min(
    ...filesOf(path).map((file) =>
      table.findIndex(
        ({ files }) =>
          files.includes(inside(file)) ||
          files.some((place) => place.endsWith('/') && inside(file).startsWith(place)),
      ),
    ),
  );
  const room = roomOf(path);
  return room === undefined ? [layer, folder] : [layer, room.table, room.place, folder];
}

function compareRanks(a: readonly (number | string)[], b: readonly (number | string)[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  if (at < 0) return -1; // what holds the other comes first
  if (b[at] === undefined) return 1;
  const [x, y] = [a[at], b[at]];
  return typeof x === 'number' && typeof y === 'number' ? x - y : String(x) < String(y) ? -1 : 1;
}

/** The room of a folder, with its reason and its place among the rooms of its table. */
function roomOf(path: string): { table: string; place: number; reason: string } | undefined {
  for (const { folder, rooms } of roomTables) {
    if (!path.startsWith(`${folder}/`)) continue;
    const name = path.slice(folder.length + 1).split('/', 1)[0];
    const place = rooms.findIndex((room) => room.name === name);
    const { reason } = rooms[place];
    return { table: folder.slice(TENSOR.length + 1), place, reason };
  }
  return undefined;
}

/** A folder and all folders below it that hold source files. */
function foldersBelow(folder: string): string[] {
  const below = readdirSync(root + folder, { withFileTypes: true })
    .filter(
      (entry) => entry.isDirectory() && entry.name !== 'node_modules' && entry.name !== 'dist',
    )
    .flatMap(({ name }) => foldersBelow(`${folder}/${name}`));
  return filesOf(folder).length > 0 ? [folder, ...below] : below;
}

/** The source files of a folder, without those below it. */
function filesOf(folder: string): string[] {
  if (!existsSync(root + folder)) return [];
  return readdirSync(root + folder)
    .filter((file) => /\.(?:[jt]s|svelte)$/.test(file))
    .toSorted();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(`${root}docs/files.md`, filesPage());
}
