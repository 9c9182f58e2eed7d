import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What stands in the repository without being ours, or is written by commands. */
const FOREIGN: ReadonlySet<string> = new Set([
  '.git',
  'node_modules',
  'dist',
  'coverage',
  'runs',
  'api',
]);

/** All files and folders below a folder, by their paths from the root; a folder ends with `/`. */
function entriesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (FOREIGN.has(entry.name)) return [];
    const path = `${folder}${entry.name}`;
    return entry.isDirectory() ? [`${path}/`, ...entriesBelow(`${path}/`)] : [path];
  });
}

const entries = entriesBelow('');
const documents = entries.filter((file) => file.endsWith('.md'));

/** The last parts of every path: `view.ts`, `array/view.ts`, `src/array/view.ts`, …. */
const endings = new Set(
  entries.flatMap((entry) => {
    const parts = entry.replace(/\/$/, '').split('/');
    return parts.map((_, i) => parts.slice(i).join('/'));
  }),
);

/** Names that look like files of the repository: a library, and a file that readers write. */
const OTHERS: ReadonlySet<string> = new Set(['gpu.js', 'try.ts']);

/** The names under which GitHub finds the headings of a document. */
function anchorsOf(path: string): string[] {
  const text = readFileSync(path, 'utf8').replaceAll(/```[\s\S]*?```/g, '');
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Links of a document to files and headings of the repository that are not there. */
function brokenLinks(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8').replaceAll(/```[\s\S]*?```/g, '');
  // The text of a link may be code, a link inside of code is none.
  const links = [...text.replaceAll(/`[^`\n]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)];
  return links
    .map(([, link]) => link)
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [path, anchor] = link.split('#');
      const target = path === '' ? join(root, file) : join(root, dirname(file), path);
      return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
    });
}

/**
 * Files and folders that a document names in code and that are not there: names of source files, and paths
 * with a slash, of which the first parts may be left out (`array/view.ts`). What commands write is none of
 * them (`runs/mnist`), nor are the names of packages (`@tessera/dit`) and formulas (`1/√E`).
 */
function missingPaths(text: string): string[] {
  const spans = [...text.replaceAll(/```[\s\S]*?```/g, '').matchAll(/`([^`\n]+)`/g)];
  return spans
    .map(([, span]) => span)
    .filter((span) => /^[\w.-]+(?:\/[\w.-]+)*\/?$/.test(span))
    .filter((span) => span.includes('/') || /[a-z]\.[jt]s$/.test(span))
    .filter((span) => !/^(?:runs|node_modules|dist|docs\/api)(?:\/|$)/.test(span))
    .filter((span) => !OTHERS.has(span))
    .filter((span) => !endings.has(span.replace(/\/$/, '')));
}

describe('the documents', () => {
  it('are read as a whole', () => {
    for (const file of ['README.md', 'docs/tour/01-tensors.md', 'benchmarks/results/README.md']) {
      expect(documents).toContain(file);
    }
  });

  it.each(documents)('%s links to what exists', (file) => {
    expect(brokenLinks(file)).toEqual([]);
  });

  it.each(documents)('%s names files and folders that exist', (file) => {
    expect(missingPaths(readFileSync(join(root, file), 'utf8'))).toEqual([]);
  });

  it.each([
    { text: 'See `packages/tensor/src/array/view.ts`, `array/view.ts`, `view.ts`.', missing: [] },
    { text: '`packages/tensor/src/view.ts` has moved.', missing: ['packages/tensor/src/view.ts'] },
    {
      text: '`no-such-file.ts` and `no/such/folder/`',
      missing: ['no-such-file.ts', 'no/such/folder/'],
    },
    {
      text: '`a / b`, `@tessera/tensor/gpu`, `gpu.js`, `runs/mnist`, `packages/*/src`',
      missing: [],
    },
  ])('are searched for paths: $text', ({ text, missing }) => {
    expect(missingPaths(text)).toEqual(missing);
  });
});

describe('the table "Where is …?" of ARCHITECTURE.md', () => {
  const tensor = 'packages/tensor/src';
  /** What the paths of each column are relative to. */
  const places = [
    tensor,
    tensor,
    'packages/autograd/src/vjp',
    ...['cpu', 'wasm', 'gpu'].map((backend) => `${tensor}/backends/${backend}`),
  ];
  const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
  const [, table] = text.split('\n## Where is …?\n');
  const rows = table
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) => line.split('|').slice(1, -1));

  it('has a row for every kind of operation, and a column for every backend', () => {
    expect(rows.length).toBeGreaterThan(9);
    for (const [, ...cells] of rows) expect(cells).toHaveLength(places.length);
  });

  it.each(rows.map(([name, ...cells]) => ({ name: name.trim(), cells })))(
    'names files of $name that exist',
    ({ cells }) => {
      const named = cells.flatMap((cell, column) =>
        [...cell.matchAll(/`([^`]+)`/g)].map(([, path]) => `${places[column]}/${path}`),
      );
      expect(named.length).toBeGreaterThan(4);
      expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    },
  );
});
