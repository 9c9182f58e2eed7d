// The worker that places boxes, so that the page can be moved meanwhile.

import type { TapeDrawing } from '../code-messages.ts';
import { layoutOf } from './layout.ts';

addEventListener(
  'message',
  ({ data: { id, drawing } }: MessageEvent<{ id: number; drawing: TapeDrawing }>) => {
    postMessage({ id, layout: layoutOf(drawing) });
  },
);

// The page sends nothing before this.
postMessage(null);
