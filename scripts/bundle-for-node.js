// Joins the sources of each package into a few files, which Node loads in a fraction of the time.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

/** The sources of what a package's `exports` name, by their name in the bundle: `nn/index`. */
function entriesOf(/** @type {string} */ folder) {
  const text = readFileSync(join(folder, 'package.json'), 'utf8');
  const { exports } =
    /** @type {{ exports: Record<string, string | { 'tessera-source': string }> }} */ (
      JSON.parse(text)
    );
  // What is exported by its path alone is no source.
  const sources = Object.values(exports).flatMap((entry) =>
    typeof entry === 'string' ? [] : [entry['tessera-source']],
  );
  return Object.fromEntries(
    sources.map((source) => [source.slice('./src/'.length, -'.ts'.length), source]),
  );
}

/** How sources name a file beside them. */
const FILE_BESIDE = /new URL\('(\.[^']+)', import\.meta\.url/g;

/** Files beside the sources keep their places: `new URL('…', import.meta.url)` names them from the bundle's folder. */
const filesBeside = (/** @type {string} */ target) => ({
  name: 'files-beside',
  transform(/** @type {string} */ code, /** @type {string} */ id) {
    const moved = code.replaceAll(FILE_BESIDE, (_, /** @type {string} */ path) => {
      const file = relative(target, join(dirname(id), path));
      return `new URL('${file}', import.meta.url`;
    });
    // Lines stay where they were, so the map of the source holds.
    return moved === code ? null : { code: moved, map: null };
  },
});

/** Writes the bundle of a package, with more entries beside its exports. */
async function bundle(
  /** @type {string} */ name,
  /** @type {Readonly<Record<string, string>>} */ more = {},
) {
  const folder = fileURLToPath(new URL(`../packages/${name}/`, import.meta.url));
  const { output } = await build({
    cwd: folder,
    input: { ...entriesOf(folder), ...more },
    platform: 'node',
    plugins: [filesBeside(join(folder, 'dist/bundle'))],
    transform: { target: 'es2023' },
    // Other packages keep files of their own, so that there is one of each.
    external: /^[^./]/,
    write: false,
    output: {
      dir: 'dist/bundle',
      chunkFileNames: 'chunk-[hash].js',
      sourcemap: true,
      sourcemapExcludeSources: true,
    },
  });
  const files = new Map(
    output.map((file) => [file.fileName, file.type === 'chunk' ? file.code : String(file.source)]),
  );
  replaceFiles(join(folder, 'dist/bundle'), files);
}

/** Makes a folder hold these files. What is there already is not touched: a process may be loading it. */
function replaceFiles(
  /** @type {string} */ folder,
  /** @type {ReadonlyMap<string, string>} */ files,
) {
  for (const [name, text] of files) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeFileSync(path, text);
  }
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !files.has(relative(folder, path))) rmSync(path);
  }
}

await bundle('tensor');
await bundle('autograd');
await bundle('onnx');
// The command line, which `bin/tessera.js` imports.
await bundle('dit', { cli: './src/cli/main.ts' });
