// Which versions of the peers are installed.

import { existsSync, readFileSync } from 'node:fs';
import { packageFolder } from '../compare/package-folder.ts';

/** The versions of packages of this folder, as far as they are installed. */
export function peerVersions(...names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const manifest = new URL(`node_modules/${name}/package.json`, packageFolder());
      if (!existsSync(manifest)) return [];
      const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
      return [[name, version] as const];
    }),
  );
}
