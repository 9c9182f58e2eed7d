// Writes the program of a thread into a module as text, so that Node needs no file for it.

import { readFileSync, writeFileSync } from 'node:fs';

const tensor = new URL('../packages/tensor/', import.meta.url);
const program = readFileSync(new URL('threads/thread.js', tensor), 'utf8');

writeFileSync(
  new URL('src/backends/wasm/host/thread-text.ts', tensor),
  `// The program of a helper thread as text, for Node; written by scripts/write-thread-text.js.

/** The text of \`threads/thread.js\`; \`null\` where a file is used. */
export const THREAD_TEXT: string | null = ${JSON.stringify(program)};
`,
);
