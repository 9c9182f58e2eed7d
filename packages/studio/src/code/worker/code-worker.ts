// The worker of a reader's code. It may evaluate text, by a policy of its own, and has hardly anything else.

import { setDefaultBackend, wasmBackend } from '@tessera/tensor';
import { answerCalls } from '../../engine/answer.ts';
import { codeService } from './code-service.ts';
import { lockDown } from './lock-down.ts';

// One thread: what is looked at is small, and code that never ends is stopped by ending its worker.
const backend = wasmBackend({ threads: 1, wide: false });
setDefaultBackend(backend);
answerCalls(
  Promise.resolve(codeService),
  Promise.resolve({
    device: 'processor',
    threads: 1,
    isIsolated: crossOriginIsolated,
    notice: null,
  }),
);
lockDown();
