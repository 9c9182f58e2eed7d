// Where the built pages of the studio are, and the shipped weights if they are there.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StateError } from '@tessera/tensor';
import { SHIPPED_RUN } from '../../run/run-folder.ts';

/** The build puts the site here (`scripts/build-studio.js`). */
const SITE = fileURLToPath(new URL('../../../dist/studio/', import.meta.url));

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
  return existsSync(SHIPPED_RUN) ? SHIPPED_RUN : null;
}
