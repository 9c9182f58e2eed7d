import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const readme = readFileSync(`${root}README.md`, 'utf8');

/** The part of the README that lists the files of a package: from its heading to the next blank line pair. */
function sectionOf(folder: string): string {
  const start = readme.indexOf(`\`packages/${folder}/src\``);
  const end = readme.indexOf('\n\n`packages/', start + 1);
  return start < 0 ? '' : readme.slice(start, end < 0 ? undefined : end);
}

describe.each(['tensor', 'autograd', 'dit'])('the README', (folder) => {
  it(`lists every file of ${folder}, and none that is gone`, () => {
    const section = sectionOf(folder);
    const src = `${root}packages/${folder}/src`;
    const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.ts'),
    );
    const rows = section.split('\n').map((row) => row.split('|')[1] ?? '');
    // A row names its folder once, with the first file: `model/dit.ts`, `zoo.ts`.
    const listed = rows.flatMap((row) => {
      let place = '';
      return [...row.matchAll(/`([^`]+\.ts)`/g)].map(([, name]) => {
        if (name.includes('/')) place = name.slice(0, name.lastIndexOf('/') + 1);
        return name.includes('/') ? name : `${place}${name}`;
      });
    });
    expect([...listed].sort()).toEqual([...files].sort());
  });
});
