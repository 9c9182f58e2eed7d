import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { bundle } from '../browser/bundle.ts';
import { findChromium, NO_CHROMIUM } from '../browser/chromium.ts';
import { visitPages, WITH_GPU } from '../browser/pages.ts';
import type { Mode } from './golden-case.ts';
import { GoldenError, type GoldenFolder } from './golden-folder.ts';
import { filePath, resultsSchema, type PageTask } from './page/exchange.ts';
import type { Runner } from './runners.ts';

/** A section may compile thousands of shaders, on a software driver some tens of milliseconds each. */
const SECTION_TIMEOUT_MS = 30 * 60_000;

/**
 * Computes cases in pages of Chromium, each section in a browser of its own, so that what one leaves in
 * memory does not weigh on the next.
 *
 * @param folder Pages may fetch the files that have been read from it.
 */
export async function openPageRunner(
  gpu: PageTask['gpu'],
  folder: GoldenFolder,
  mode: Mode,
): Promise<Runner> {
  const chromium = requireChromium();
  const site = await mkdtemp(join(tmpdir(), 'tessera-golden-'));
  const close = (): Promise<void> => rm(site, { recursive: true });
  try {
    const project = fileURLToPath(new URL('page', import.meta.url));
    await bundle(project, ['golden.html'], site, ['tessera-source']);
  } catch (error) {
    await close();
    throw error;
  }
  const fetchable = new Map([...folder.files].map(([file, bytes]) => [filePath(file), bytes]));
  return {
    run: async (section) => {
      const task: PageTask = { gpu, section, mode };
      const { golden } = await visitPages(chromium, site, { golden: ['results'] }, false, {
        ...WITH_GPU,
        timeoutMs: SECTION_TIMEOUT_MS,
        query: { ...task },
        fetchable,
      });
      return v.parse(resultsSchema, golden.outputs['results']);
    },
    close,
  };
}

function requireChromium(): string {
  let found: string | null;
  try {
    found = findChromium();
  } catch (error) {
    throw new GoldenError(error instanceof Error ? error.message : String(error));
  }
  if (found === null) throw new GoldenError(NO_CHROMIUM);
  return found;
}
