import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { filesPage } from '../../scripts/write-files-page.ts';

const page = readFileSync(fileURLToPath(new URL('../../docs/files.md', import.meta.url)), 'utf8');

describe('docs/files.md', () => {
  it('is what `npm run docs:files` writes', () => {
    expect(page).toBe(filesPage());
  });

  it('has a line for every kind of file, each with a sentence', () => {
    const lines = page.split('\n').filter((line) => line.startsWith('- '));
    expect(lines.length).toBeGreaterThan(400);
    for (const line of lines) expect(line).toMatch(/^- \[`[\w.-]+`\]\([^)]+\): \S.*\.$/);
    for (const file of ['array/view.ts', 'threads/thread.js', 'bin/tessera.js', 'works/dit.ts']) {
      expect(page).toContain(`/${file})`);
    }
  });
});
