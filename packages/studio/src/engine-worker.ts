// The worker of a room: it holds the engine and a service, and answers calls of the page.

import { setDefaultBackend, wasmBackend } from '@tessera/tensor';
import { answerCalls } from './engine/answer.ts';
import { services } from './service-table.ts';

const backend = wasmBackend();
setDefaultBackend(backend);

// The page names the worker after its service.
answerCalls(services[self.name](), {
  threads: backend.threads,
  isIsolated: crossOriginIsolated,
  notice: backend.notice,
});
