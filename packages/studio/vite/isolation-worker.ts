// Puts coi-serviceworker beside the page: it isolates pages on hosts that cannot send headers.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Plugin } from 'vite';

const file = createRequire(import.meta.url).resolve('coi-serviceworker/coi-serviceworker.min.js');

/** The plugin of the build. A service worker rules the folder that it stands in, so its name has no hash. */
export function isolationWorker(): Plugin {
  return {
    name: 'studio-isolation-worker',
    apply: 'build',
    generateBundle() {
      const source = readFileSync(file, 'utf8');
      this.emitFile({ type: 'asset', fileName: 'coi-serviceworker.js', source });
    },
  };
}
