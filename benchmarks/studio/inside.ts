// What the room Look inside must reach: the graph of a whole training step, laid out, panned and zoomed.

import type { Page } from 'playwright-core';
import type { StudioRow } from './rows.ts';

/** A training step of the preset smoke with every parameter of AdamW in sight, and all that DiT calls. */
const STEP = '#/inside?example=step&open=AdamW%2Cgradient%2Cgradient%2FDiT';

/** Milliseconds that frames are counted. */
const COUNTED_MS = 3000;

/** How often the graph, which first is seen whole, is enlarged until its texts can be read. */
const READABLE = 9;

async function openGraph(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await page.getByRole('group', { name: 'The tape as a graph' }).waitFor({ timeout: 120_000 });
  await page.getByRole('button', { name: 'Fold AdamW: part' }).waitFor({ timeout: 120_000 });
}

/** Frames a second while the graph is zoomed and dragged in every frame. */
const FRAMES = `new Promise((resolve) => {
  const graph = document.querySelector('.graph');
  const box = graph.getBoundingClientRect();
  const at = (dx, dy) => ({ bubbles: true, cancelable: true, view: window, clientX: box.x + box.width / 2 + dx, clientY: box.y + box.height / 2 + dy });
  const start = performance.now();
  let frames = 0;
  const move = (now) => {
    const angle = frames / 20;
    if (frames % 2 === 0) graph.dispatchEvent(new WheelEvent('wheel', { ...at(0, 0), deltaY: 30 * Math.sin(angle) }));
    else {
      graph.dispatchEvent(new MouseEvent('mousedown', at(0, 0)));
      window.dispatchEvent(new MouseEvent('mousemove', at(20 * Math.cos(angle), 20 * Math.sin(angle))));
      window.dispatchEvent(new MouseEvent('mouseup', at(20 * Math.cos(angle), 20 * Math.sin(angle))));
    }
    frames++;
    if (now - start < ${COUNTED_MS}) requestAnimationFrame(move);
    else resolve((1000 * frames) / (now - start));
  };
  requestAnimationFrame(move);
})`;

/** The rows. */
export const insideRows: readonly StudioRow[] = [
  {
    name: 'layout of the graph of a whole training step',
    bar: '≤ 1000 ms',
    unit: 'ms',
    measure: (studio) =>
      studio.visit(STEP, async (page, address) => {
        await openGraph(page, address);
        return page.evaluate("performance.getEntriesByName('layout').at(-1).duration");
      }),
  },
  ...[
    { zoomed: 0, name: 'as a whole' },
    { zoomed: READABLE, name: 'where its texts can be read' },
  ].map(({ zoomed, name }): StudioRow => ({
    name: `frames a second while that graph is panned and zoomed, ${name}`,
    bar: '≥ 50',
    unit: 'fps',
    measure: (studio) =>
      studio.visit(STEP, async (page, address) => {
        await openGraph(page, address);
        const zoomIn = page.getByRole('button', { name: 'Zoom in' });
        for (let i = 0; i < zoomed; i++) await zoomIn.click();
        return page.evaluate(FRAMES);
      }),
  })),
];
