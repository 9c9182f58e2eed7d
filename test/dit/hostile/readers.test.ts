import { describe, expect, it } from 'vitest';
import { countsOf, readMangled } from './mangled-files.ts';
import { subjects } from './subjects.ts';

/** Files for all readers together. `npm run soak -- readers` mangles more. */
const FILES = 5000;

const all = await subjects();
const counts = countsOf(all, FILES);

describe('a mangled file is refused on purpose, by name, and takes no more than it is worth', () => {
  it.each(all.map((subject, i) => [subject.name, subject, counts[i]] as const))(
    '%s',
    async (_name, subject, count) => {
      const { accepted } = await readMangled(subject, count);
      expect(accepted).toBeLessThan(count);
    },
  );
});
