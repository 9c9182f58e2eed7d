// What the room Draw must reach: the size of the first load, the time to first digits and next ones.

import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import type { StudioRow } from './rows.ts';

/** Steps of a drawing. */
const STEPS = 20;

/** kB of a file, gzipped, or of weights, which hosts send as they are. */
async function loadedKb(
  page: Page,
  address: string,
  isWanted: (path: string) => boolean,
): Promise<number> {
  const sizes: Promise<number>[] = [];
  page.on('response', (response) => {
    const path = new URL(response.url()).pathname;
    if (!isWanted(path)) return;
    const size = response.body().then((body) => {
      return path.startsWith('/run/') ? body.length : gzipSync(body, { level: 9 }).length;
    });
    sizes.push(size);
  });
  await page.goto(address);
  await waitUntilDrawn(page);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0) / 1000;
}

async function waitUntilDrawn(page: Page): Promise<void> {
  await page.getByTestId('took').getByText('steps in').waitFor();
}

/** Milliseconds by the clock of the page from its start, or from `mark`, until a drawing is complete. */
function drawnAfter(page: Page, mark: string): Promise<number> {
  return page.evaluate(`new Promise((resolve) => {
    const start = ${mark};
    const took = () => document.querySelector('[data-testid=took]')?.textContent ?? '';
    const look = () => took().includes('steps in') ? resolve(performance.now() - start) : requestAnimationFrame(look);
    look();
  })`);
}

const drawing = (count: number): string => `#/draw?steps=${STEPS}&count=${count}`;

/** Opens the page, and gives the milliseconds until the digits are complete. */
const firstDrawing =
  (count: number): StudioRow['measure'] =>
  (studio) =>
    studio.visit(drawing(count), async (page, address) => {
      await page.goto(address, { waitUntil: 'commit' });
      return drawnAfter(page, '0');
    });

/** Rolls another seed, and gives the milliseconds until its digits are complete. */
const nextDrawing =
  (count: number): StudioRow['measure'] =>
  (studio) =>
    studio.visit(drawing(count), async (page, address) => {
      await page.goto(address);
      await waitUntilDrawn(page);
      await page.evaluate(`(() => {
        globalThis.clicked = performance.now();
        document.querySelector('[aria-label="Another seed"]').click();
      })()`);
      await page.getByTestId('took').getByText('Drawing').waitFor();
      return drawnAfter(page, 'clicked');
    });

/** The rows. */
export const drawRows: readonly StudioRow[] = [
  {
    name: 'first load of the room Draw, gzipped, without weights',
    bar: '≤ 160 kB',
    unit: 'kB',
    isFixed: true,
    measure: (studio) =>
      studio.visit(drawing(1), (page, address) =>
        loadedKb(page, address, (path) => !path.startsWith('/run/')),
      ),
  },
  {
    name: 'weights',
    bar: '≤ 4000 kB',
    unit: 'kB',
    isFixed: true,
    measure: (studio) =>
      studio.visit(drawing(1), (page, address) =>
        loadedKb(page, address, (path) => path.startsWith('/run/')),
      ),
  },
  ...[1, 4].flatMap((count): StudioRow[] => [
    {
      name: `first ${count === 1 ? 'digit' : `${count} digits`} after navigation, ${STEPS} steps`,
      bar: '≤ 2500 ms',
      unit: 'ms',
      measure: firstDrawing(count),
    },
    {
      name: `next ${count === 1 ? 'digit' : `${count} digits`}, ${STEPS} steps`,
      bar: '≤ 1000 ms',
      unit: 'ms',
      measure: nextDrawing(count),
    },
  ]),
];
