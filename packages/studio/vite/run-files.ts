// Puts the files of a trained run beside the page, as `run/…`, where the rooms look for weights.

import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

const FILES = ['config.json', 'autoencoder.safetensors', 'model.safetensors'];

/** The plugin of build and of `npm run dev`. A folder that does not exist is left out, and the page says so. */
export function runFiles(folder: string): Plugin {
  return {
    name: 'studio-run-files',
    configureServer(server) {
      server.middlewares.use('/run', (request, response) => {
        const name = FILES.find((file) => request.url === `/${file}`);
        const path = name === undefined ? null : join(folder, name);
        if (path !== null && existsSync(path)) createReadStream(path).pipe(response);
        else {
          response.statusCode = 404;
          response.end();
        }
      });
    },
    generateBundle() {
      for (const name of FILES) {
        const path = join(folder, name);
        if (!existsSync(path)) continue;
        this.emitFile({ type: 'asset', fileName: `run/${name}`, source: readFileSync(path) });
      }
    },
  };
}
