import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GoldenFolder } from './golden-folder.ts';

/** The golden data in a folder of this machine. */
export function diskFolder(path: string): GoldenFolder {
  const locate = (file: string): string => join(path, file);
  return new GoldenFolder({ locate, read: (file) => readFile(locate(file)) });
}

/**
 * The golden data that the tests use: the folder that `TESSERA_GOLDEN` names, which must be there, or
 * `shared/golden` beside the repository, or `null` where that is missing.
 */
export function sharedGoldenFolder(): string | null {
  const { TESSERA_GOLDEN: named } = process.env;
  if (named !== undefined) return named;
  const beside = fileURLToPath(new URL('../../../shared/golden', import.meta.url));
  return existsSync(beside) ? beside : null;
}
