// Asks the worker of layouts, which starts with the first one.

import { senderTo } from '../../engine/sender.ts';
import type { TapeDrawing } from '../code-messages.ts';
import type { Layout } from './layout.ts';

/** What the worker answers. */
interface Answer {
  readonly id: number;
  readonly layout: Layout;
}

const waiting = new Map<number, (layout: Layout) => void>();
let send: ((message: object) => void) | null = null;
let next = 0;

/** Starts the worker, and gives what sends to it. */
function start(): (message: object) => void {
  const started = new Worker(new URL('./layout-worker.ts', import.meta.url), { type: 'module' });
  started.addEventListener('message', ({ data }: MessageEvent<Answer | null>) => {
    if (data === null) return; // it listens
    waiting.get(data.id)?.(data.layout);
    waiting.delete(data.id);
  });
  return senderTo(started);
}

/** Places the boxes of a tape, away from the page's own thread. */
export function layOut(drawing: TapeDrawing): Promise<Layout> {
  send ??= start();
  const id = next++;
  const asked = performance.now();
  send({ id, drawing });
  return new Promise((resolve) => {
    waiting.set(id, (layout) => {
      performance.measure('layout', { start: asked });
      resolve(layout);
    });
  });
}
