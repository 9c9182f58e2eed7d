// What a training in the page must reach in memory: as much after 2,000 steps as after some hundred.

import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import type { StudioRow } from './rows.ts';

/** The steps between which memory may not grow. */
const [EARLY, LATE] = [400, 2000];

/** A small model, so that the steps take no hour. */
const ROOM = `#/train?width=32&depth=1&patch=4&steps=${LATE + 100}`;

/** As long as the steps may take. */
const PATIENT = { timeout: 600_000 };

/**
 * V8 enlarges the space of new objects from 1 MiB to 16 in each worker while a program runs, whatever survives. So it
 * keeps its first size here, and what is dead is collected before memory is read.
 */
const FLAGS = ['--js-flags=--expose-gc --min-semi-space-size=1 --max-semi-space-size=1'];

/** Frees what is dead: in the page, then in its workers, which may be computing. */
async function collect(page: Page): Promise<void> {
  await page.evaluate('gc()');
  for (const worker of page.workers()) await worker.evaluate('gc()');
}

/** Bytes that the processes of pages hold, each share of shared memory counted once. Linux says it. */
async function memoryOf(page: Page): Promise<number> {
  await collect(page);
  const session = await page.context().browser()?.newBrowserCDPSession();
  if (session === undefined) throw new Error('the browser is gone');
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  return processInfo
    .filter(({ type }) => type === 'renderer')
    .map(({ id }) => readFileSync(`/proc/${id}/smaps_rollup`, 'utf8'))
    .reduce((sum, text) => sum + 1024 * Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0), 0);
}

/** The rows. */
export const memoryRows: readonly StudioRow[] = [
  {
    name: `memory after ${LATE} steps, in that after ${EARLY}`,
    bar: '≤ 105 %',
    unit: '%',
    isFixed: true,
    measure: (studio) =>
      studio.visit(
        ROOM,
        async (page, address) => {
          const stepNow = async (): Promise<number> => {
            const text = await page.getByTestId('step-0').textContent(PATIENT);
            return Number(/step (\d+)/.exec(text ?? '')?.[1] ?? 0);
          };
          const reach = async (step: number): Promise<number> => {
            while ((await stepNow()) < step) await page.waitForTimeout(200);
            return memoryOf(page);
          };
          await page.goto(address);
          await page.getByRole('button', { name: 'Play' }).click(PATIENT);
          const early = await reach(EARLY);
          return (100 * (await reach(LATE))) / early;
        },
        FLAGS,
      ),
  },
];
