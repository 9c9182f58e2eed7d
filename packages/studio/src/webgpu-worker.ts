// The worker of a room that computes by WebGPU: a script of its own, so that others load nothing of it.

import { setDefaultBackend } from '@tessera/tensor';
import { gpuBackend } from '@tessera/tensor/gpu';
import { findAdapter } from './engine/adapter.ts';
import { answerCalls } from './engine/answer.ts';
import type { EngineFacts } from './engine/service.ts';
import { services } from './service-table.ts';

async function start(): Promise<EngineFacts> {
  const adapter = await findAdapter();
  // Measuring forms of products takes longer on a software adapter than the best of them saves.
  const products = adapter?.isSoftware === true ? 'blocked' : 'measured';
  setDefaultBackend(await gpuBackend({ mode: 'webgpu', products }));
  return { device: 'webgpu', threads: 1, isIsolated: crossOriginIsolated, notice: null };
}

const facts = start();
const service = services[self.name]();
answerCalls(
  facts.then(() => service),
  facts,
);
