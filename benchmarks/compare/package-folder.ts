// Finds the folder of the benchmarks, from the sources and from what is built of them.

import { existsSync } from 'node:fs';

/** The folder `benchmarks/` as a URL that ends in a slash. */
export function packageFolder(): URL {
  let folder = new URL('./', import.meta.url);
  while (!existsSync(new URL('package-lock.json', folder))) folder = new URL('../', folder);
  return folder;
}
