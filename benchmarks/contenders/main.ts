// The process of a contender that runs in Node.

import { createInterface } from 'node:readline';
import { readArrays } from '../works/array-files.ts';
import { AbsentError, CannotError, type OpenContender, type Task } from './contender.ts';
import { peakMemoryMB } from './memory.ts';
import type { OpenRequest, Replies, Request } from './messages.ts';
import type { ContenderName, PythonContender } from './names.ts';

const OPENERS: Readonly<Record<string, () => Promise<OpenContender>>> = {
  tessera: async () => (await import('./tessera.ts')).openTessera,
  'tessera-gpu': async () => (await import('./tessera.ts')).openTesseraGpu,
  'jax-js': async () => (await import('./jax-js.ts')).openJaxJs,
  tfjs: async () => (await import('./tfjs.ts')).openTfjs,
  'js-pytorch': async () => (await import('./js-pytorch.ts')).openJsPytorch,
  onnxruntime: async () => (await import('./onnxruntime.ts')).openOnnxruntime,
  'wasm-peak': async () => (await import('./wasm-peak.ts')).openWasmPeak,
} satisfies Readonly<Record<Exclude<ContenderName, PythonContender>, () => Promise<OpenContender>>>;

let task: Task | undefined;

async function open(request: OpenRequest): Promise<Replies['open']> {
  let versions: Readonly<Record<string, string>> = {};
  try {
    const opener = await OPENERS[process.argv[2]]();
    const { threads, backend } = request;
    const contender = await opener({ threads, backend });
    ({ versions } = contender);
    task = await contender.prepare(request.work, readArrays(request.folder, request.work.name));
    return { versions };
  } catch (error) {
    if (error instanceof CannotError) return { versions, cannot: error.message };
    if (error instanceof AbsentError) return { versions, absent: error.message };
    throw error;
  }
}

async function answer(request: Request): Promise<Replies[Request['type']]> {
  if (request.type === 'open') return open(request);
  if (task === undefined) throw new Error('no work is open');
  if (request.type === 'finish') {
    const rssMB = peakMemoryMB();
    return { check: await task.check(), rssMB };
  }
  const start = performance.now();
  for (let i = 0; i < request.count; i++) await task.run();
  return { ms: (performance.now() - start) / request.count };
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as Request & { readonly id: number };
  const reply = await answer(request);
  process.stdout.write(`\n${JSON.stringify({ id: request.id, ...reply })}\n`);
  if (request.type === 'finish') break;
}
// Some libraries keep timers or workers that would hold the process.
process.exit(0);
