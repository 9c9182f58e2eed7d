// Writes the policy into the page, for hosts that send no headers, and all headers into `headers.json`.

import type { Plugin } from 'vite';
import { HEADERS, POLICY } from '../headers.ts';

/** The plugin of the build; the server of `npm run dev` writes scripts into pages, which the policy forbids. */
export function policy(): Plugin {
  return {
    name: 'studio-policy',
    apply: 'build',
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY },
        injectTo: 'head-prepend',
      },
    ],
    generateBundle() {
      const source = `${JSON.stringify(HEADERS, null, 2)}\n`;
      this.emitFile({ type: 'asset', fileName: 'headers.json', source });
    },
  };
}
