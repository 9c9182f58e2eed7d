import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { composites, primitives } from '@tessera/tensor/extend';
import { describe, expect, it } from 'vitest';
import { boundaries, layers, roomTables } from './layers.ts';
import { parseProject, type Manifest, type Project } from './project.ts';
import { houseRules } from './rules.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Words that a pass may use although an operation has the same name: they are traits. */
const operations = Object.values({ ...primitives, ...composites });
const traits = new Set<string>(operations.map(({ kind }) => kind));
const names = operations.map(({ name }) => name).filter((name) => !traits.has(name));
const rules = houseRules(new Set(names));

describe('the repository', () => {
  const repository = readRepository();

  it('is read as a whole', () => {
    const paths = repository.modules.map(({ path }) => path);
    expect(paths).toContain('packages/tensor/src/array/view.ts');
    expect(paths).toContain('packages/dit/bin/tessera.js');
    expect(paths).toContain('packages/tensor/threads/thread.js');
    expect(paths).toContain('packages/studio/src/studio.svelte');
    expect(paths).toContain('test/architecture/layers.test.ts');
    expect(boundaries.map((boundary) => boundary.package).sort()).toEqual(
      repository.packages.map(({ manifest }) => manifest.name).sort(),
    );
  });

  it('has a file on every row of the layer tables', () => {
    for (const { folder, manifest } of repository.packages) {
      for (const pattern of (layers[manifest.name] ?? []).flatMap(({ files }) => files)) {
        const place = `${folder}/src/${pattern}`;
        const isUsed = repository.modules.some(({ path }) =>
          pattern.endsWith('/') ? path.startsWith(place) : path === place,
        );
        expect(isUsed, `${place} in test/architecture/layers.ts names no file`).toBe(true);
      }
    }
  });

  it.each(roomTables)('lists the rooms of $folder in ARCHITECTURE.md, in their order', (table) => {
    const name = table.folder.replace(/^packages\/tensor\/src\//, '');
    const text = readFileSync(`${root}ARCHITECTURE.md`, 'utf8');
    const row = text.split('\n').find((line) => line.startsWith(`| \`${name}\` `)) ?? '';
    const [, , listed = ''] = row.split('|');
    expect([...listed.matchAll(/`([^`]+)`/g)].map(([, room]) => room)).toEqual(
      table.rooms.map((room) => room.name),
    );
  });

  it('describes the command line without the engine, so that --help is quick', () => {
    const loaded = new Set(['packages/dit/src/cli/main.ts']);
    for (const path of loaded) {
      const { imports = [] } = repository.modules.find((module) => module.path === path) ?? {};
      for (const { target, typeOnly, isDynamic } of imports) {
        if (target !== null && !typeOnly && !isDynamic) loaded.add(target);
      }
    }
    expect(loaded).toContain('packages/dit/src/cli/program.ts');
    expect([...loaded].filter((path) => !path.startsWith('packages/dit/'))).toEqual([]);
  });

  it.each(rules)('keeps the rule: $name', (rule) => {
    expect(rule.check(repository), rule.reason).toEqual([]);
  });
});

function readRepository(): Project {
  const folders = readdirSync(`${root}packages`).map((name) => `packages/${name}`);
  const packages = folders.map((folder) => {
    const text = readFileSync(`${root}${folder}/package.json`, 'utf8');
    return { folder, manifest: JSON.parse(text) as Manifest };
  });
  const parts = ['src', 'bin', 'threads'];
  const sources = folders.flatMap((folder) => parts.map((part) => `${folder}/${part}`));
  const files = ['test', 'benchmarks', 'examples', 'scripts', ...sources].flatMap(filesIn);
  return parseProject(
    new Map(files.map((path) => [path, readFileSync(root + path, 'utf8')])),
    packages,
  );
}

/** What stands in a folder without being ours: installed or built. */
const FOREIGN: ReadonlySet<string> = new Set(['node_modules', 'dist']);

/** The TypeScript and JavaScript files and the components below a folder; none if the folder does not exist. */
function filesIn(folder: string): string[] {
  if (!existsSync(root + folder)) return [];
  return readdirSync(root + folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return FOREIGN.has(entry.name) ? [] : filesIn(path);
    return /\.(?:[jt]s|svelte)$/.test(entry.name) ? [path] : [];
  });
}
