/** Reads mangled files with one reader: it must refuse each on purpose, or give a value, and leave the folder as it was. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as fc from 'fast-check';
import { BOUNDS } from './bounds.ts';
import { edits, mangled } from './mangle.ts';
import { isAccepted } from './outcome.ts';
import type { Subject } from './subjects.ts';

/** How many files were mangled, and how many of them a reader took nevertheless. */
interface Tally {
  readonly files: number;
  readonly accepted: number;
}

/** How files are drawn, and who hears of each. */
interface Mangling {
  /** Of fast-check, which its error names. Default: another one each time. */
  readonly seed?: number;
  readonly onFile?: (isAccepted: boolean) => void;
}

/** The files that each of some readers gets, by its share of all. */
export function countsOf(all: readonly Subject[], files: number): readonly number[] {
  const shares = all.map(({ share = 1 }) => share);
  const sum = shares.reduce((total, share) => total + share, 0);
  return shares.map((share) => Math.ceil((files * share) / sum));
}

/**
 * Reads `count` mangled files.
 *
 * @throws Error with the shortest case that was found
 */
export async function readMangled(
  { bound, file, originals, prepare, read }: Subject,
  count: number,
  { seed, onFile }: Mangling = {},
): Promise<Tally> {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-mangled-'));
  const path = join(folder, file);
  let accepted = 0;
  try {
    prepare?.(folder);
    const attempt = async (bytes: Uint8Array): Promise<void> => {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, bytes);
      const taken = await isAccepted(bytes.length * BOUNDS[bound].most, folder, () =>
        read(path, folder, bytes),
      );
      if (taken) accepted++;
      onFile?.(taken);
    };
    const which = fc.nat({ max: originals.length - 1 });
    await fc.assert(
      fc.asyncProperty(which, edits, (i, changes) => {
        const { bytes, finish = (same) => same } = originals[i];
        return attempt(finish(mangled(bytes, changes)));
      }),
      { numRuns: count, ...(seed !== undefined && { seed }) },
    );
    const odd = readdirSync(folder).find((name) => name.endsWith('.tmp'));
    if (odd !== undefined) throw new Error(`${odd} is left`);
    return { files: count, accepted };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
