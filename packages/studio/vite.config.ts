// Builds the site into `dist`, with relative addresses, so that any folder of any host serves it.

import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defaultClientConditions, defineConfig } from 'vite';
import { HEADERS } from './headers.ts';
import { book } from './vite/book/book.ts';
import { digits } from './vite/digits.ts';
import { isolationWorker } from './vite/isolation-worker.ts';
import { policy } from './vite/policy.ts';
import { runFiles } from './vite/run-files.ts';

/** The run that the page draws with: the weights that @tessera/dit ships, or a folder of a run. */
const run =
  process.env.STUDIO_RUN ?? fileURLToPath(new URL('../dit/weights/mnist/', import.meta.url));

/** What only the room Train uses. Without a chunk of its own it would come with what all rooms share. */
const TRAINING =
  /[\\/](?:tensor[\\/]src[\\/]io[\\/]encode-safetensors|dit[\\/]src[\\/]model[\\/]weights[\\/]encode-weights)\.ts$/;

export default defineConfig({
  base: './',
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [svelte(), policy(), isolationWorker(), runFiles(run), digits(), book()],
  resolve: { conditions: ['tessera-source', ...defaultClientConditions] },
  worker: {
    format: 'es',
    rolldownOptions: {
      output: {
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [{ name: 'training', test: TRAINING }],
        },
      },
    },
  },
  server: { headers: withoutPolicy(HEADERS.all) },
  build: {
    target: 'es2023',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rolldownOptions: { checks: { bundlerTimings: false } },
  },
});

/** The server of `npm run dev` isolates pages too, but writes scripts into them. */
function withoutPolicy(headers: Readonly<Record<string, string>>): Record<string, string> {
  const { 'content-security-policy': _, ...others } = headers;
  return others;
}
