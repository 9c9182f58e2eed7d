// The worker of a room: an engine on threads of the processor, and a service that answers calls of the page.

import { setDefaultBackend, wasmBackend } from '@tessera/tensor';
import { answerCalls } from './engine/answer.ts';
import { services } from './service-table.ts';

const backend = wasmBackend();
setDefaultBackend(backend);

// The page names the worker after its service.
answerCalls(
  services[self.name](),
  Promise.resolve({
    device: 'processor',
    threads: backend.threads,
    isIsolated: crossOriginIsolated,
    notice: backend.notice,
  }),
);
