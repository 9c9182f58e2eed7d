import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { typeErrors } from './docstrings.ts';
import { fencesOf, runFence } from './fences.ts';

const folder = fileURLToPath(new URL('../../docs/tour/', import.meta.url));
const chapters = readdirSync(folder).filter((file) => /^\d\d-/.test(file));

describe('the tour', () => {
  it('has ten chapters, which the index lists in order', () => {
    const index = readFileSync(`${folder}README.md`, 'utf8');
    const listed = [...index.matchAll(/\((\d\d-[a-z-]+\.md)\)/g)].map(([, file]) => file);
    expect(listed).toEqual(chapters);
    expect(chapters).toHaveLength(10);
  });

  it('type-checks', () => {
    const examples = chapters.flatMap((file) =>
      fencesOf(`docs/tour/${file}`).map(({ line, code }) => ({
        place: `${file}:${line}`,
        code,
        imports: new Map<string, readonly string[]>(),
      })),
    );
    expect(typeErrors(examples)).toEqual([]);
  });

  describe.each(chapters)('%s', (file) => {
    it.each(fencesOf(`docs/tour/${file}`))('runs the example at line $line', async (fence) => {
      expect(await runFence(fence)).toBe(fence.output);
    });
  });
});
