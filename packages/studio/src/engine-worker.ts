// The worker of a room: it holds the engine and a service, and answers calls of the page.

import { answerCalls } from './engine/answer.ts';
import { startBackend } from './engine/backend.ts';
import { readWorkerName } from './engine/worker-name.ts';
import { services } from './service-table.ts';

const { service, device } = readWorkerName(self.name);
const facts = startBackend(device);
const loaded = services[service]();
answerCalls(
  facts.then(() => loaded),
  facts,
);
