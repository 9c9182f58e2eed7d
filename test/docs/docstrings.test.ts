import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDocstrings, typeErrors } from './docstrings.ts';
import { isShownOnly, runExample } from './example-run.ts';

/** Modules as the tests see them: one copy of each package, whoever imports it. */
const load = (module: string): Promise<Readonly<Record<string, unknown>>> =>
  import(/* @vite-ignore */ module) as Promise<Readonly<Record<string, unknown>>>;

const { examples, missing } = readDocstrings();

describe('docstrings', () => {
  let folder = '';
  const home = process.cwd();
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tessera-examples-'));
    process.chdir(folder); // examples may write files
  });
  afterAll(() => {
    process.chdir(home);
    rmSync(folder, { recursive: true });
  });

  it('show every public function, class and constant at work', () => {
    expect(missing).toEqual([]);
  });

  it('type-check', () => {
    expect(typeErrors(examples)).toEqual([]);
  });

  it.each(examples.filter((example) => !isShownOnly(example)))('run: $place', async (example) => {
    await expect(runExample(example, load)).resolves.toBeUndefined();
  });
});
