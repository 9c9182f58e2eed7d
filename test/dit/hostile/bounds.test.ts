/** What readers take for large files stays within the bounds that the documents state. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeFiles } from '../data/data-files.ts';
import { BOUNDS, type BoundName } from './bounds.ts';
import { counted, Spending } from './budget.ts';
import { largeFiles } from './large-files.ts';
import { subjects } from './subjects.ts';

const all = await subjects();
const files = await largeFiles();
/** The most that a file took for each unit, by its bound. */
const taken = new Map<BoundName, number>();

let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-bounds-'));
});

afterAll(() => rm(dir, { recursive: true }));

describe('a large file takes no more than its bound', () => {
  it.each(files.map((file, i) => [`${i + 1}: ${file.reader}`, file] as const))(
    '%s',
    async (name, { reader, bytes, units = bytes.length, beside, read }) => {
      const subject = all.find((each) => each.name === reader);
      if (subject === undefined) throw new Error(`There is no reader ${reader}.`);
      const folder = join(dir, name.split(':')[0]);
      await writeFiles(folder, { [subject.file]: bytes, ...beside });
      const path = join(folder, subject.file);
      const { most } = BOUNDS[subject.bound];
      const spending = new Spending(most * units);
      await counted(spending, () => read?.(path, folder) ?? subject.read(path, folder, bytes));
      expect(spending.spent / units).toBeLessThanOrEqual(most);
      const before = taken.get(subject.bound) ?? 0;
      taken.set(subject.bound, Math.max(before, spending.spent / units));
    },
  );

  it('which is not much above what is taken', () => {
    expect([...taken.keys()].sort()).toEqual(Object.keys(BOUNDS).sort());
    for (const [name, most] of taken) expect(most, name).toBeGreaterThan(BOUNDS[name].most / 2);
  });
});

describe('docs/files-you-read.md', () => {
  const page = new URL('../../../docs/files-you-read.md', import.meta.url);

  it.each(Object.values(BOUNDS))(
    'states the bound of $files',
    async ({ files: kind, most, unit }) => {
      const rows = (await readFile(page, 'utf8')).split('\n').map((line) => line.split(/ *\| */));
      const row = rows.find((cells) => cells[1] === kind);
      expect(row?.slice(3, 5)).toEqual([`${most} a ${unit}`, expect.any(String)]);
    },
  );
});
