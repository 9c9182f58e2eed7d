// Builds the pages of the studio, and puts them into @tessera/dit, whose command line serves them.

import { cpSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const studio = fileURLToPath(new URL('../packages/studio/', import.meta.url));
const served = fileURLToPath(new URL('../packages/dit/dist/studio/', import.meta.url));

await build({ root: studio, configFile: `${studio}vite.config.ts`, logLevel: 'warn' });
rmSync(served, { recursive: true, force: true });
// The weights lie in @tessera/dit already, and the server lends them.
cpSync(`${studio}dist`, served, {
  recursive: true,
  filter: (source) => source !== `${studio}dist/run`,
});
