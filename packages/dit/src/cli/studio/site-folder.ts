// Where the built pages of the studio and the shipped weights are.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StateError } from '@tessera/tensor';

/** The build puts the site here (`scripts/build-studio.js`). */
const SITE = fileURLToPath(new URL('../../../dist/studio/', import.meta.url));

/** A trained run, in three files. */
const WEIGHTS = fileURLToPath(new URL('../../../weights/mnist/', import.meta.url));

/**
 * The folder of the built site.
 *
 * @throws StateError if it was not built
 */
export function siteFolder(): string {
  if (existsSync(join(SITE, 'index.html'))) return SITE;
  throw new StateError('studio', `${SITE} has no pages. Build them with npm run build.`);
}

/** The folder of the shipped weights; `null` if there is none. */
export function shippedRun(): string | null {
  return existsSync(WEIGHTS) ? WEIGHTS : null;
}
