// Asks the worker of layouts, which starts with the first one.

import type { TapeDrawing } from '../code-messages.ts';
import type { Layout } from './layout.ts';

const waiting = new Map<number, (layout: Layout) => void>();
let worker: Worker | null = null;
let next = 0;

function start(): Worker {
  const started = new Worker(new URL('./layout-worker.ts', import.meta.url), { type: 'module' });
  started.addEventListener('message', ({ data }: MessageEvent<{ id: number; layout: Layout }>) => {
    waiting.get(data.id)?.(data.layout);
    waiting.delete(data.id);
  });
  return started;
}

/** Places the boxes of a tape, away from the page's own thread. */
export function layOut(drawing: TapeDrawing): Promise<Layout> {
  worker ??= start();
  const id = next++;
  const asked = performance.now();
  worker.postMessage({ id, drawing }, {});
  return new Promise((resolve) => {
    waiting.set(id, (layout) => {
      performance.measure('layout', { start: asked });
      resolve(layout);
    });
  });
}
