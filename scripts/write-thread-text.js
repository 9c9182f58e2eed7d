// Writes the program of a thread into a module as text, so that Node needs no file for it.

/**
 * Writes the program of a thread, `threads/thread.js` of `@tessera/tensor`, into a module that exports it
 * as text: Node starts threads from that, so that they need no file beside a bundle.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const tensor = new URL('../packages/tensor/', import.meta.url);
const program = readFileSync(new URL('threads/thread.js', tensor), 'utf8');

writeFileSync(
  new URL('src/backends/wasm/host/thread-text.ts', tensor),
  `/** The program of a thread as text, written by scripts/write-thread-text.js; \`null\` where a file is used. */
export const THREAD_TEXT: string | null = ${JSON.stringify(program)};
`,
);
