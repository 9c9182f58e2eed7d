// `npm run bench -- endurance`: trains for thousands of steps, and fails if memory grows.

import { availableParallelism } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { defaultBackend, type WasmBackend } from '@tessera/tensor';
import { slope } from './compare/statistics.ts';
import { openTessera } from './contenders/tessera.ts';
import { makeArrays } from './works/arrays.ts';
import { selectWorks } from './works/works.ts';

/** How long is trained. */
export interface EnduranceOptions {
  readonly steps: number;
  /** Default one a core. */
  readonly threads?: number;
}

/** Memory at one moment, after garbage was collected, in bytes. */
interface Sample {
  readonly step: number;
  /** Of the whole process. */
  readonly resident: number;
  /** JavaScript's objects. */
  readonly heap: number;
  /** What tensors and plans hold of the WebAssembly memory. */
  readonly used: number;
  /** The WebAssembly memory. */
  readonly memory: number;
}

/** Moments at which memory is looked at. */
const SAMPLES = 40;

/** The part of the steps in which memory may still settle: V8 compiles again what runs often. */
const WARM_UP = 0.25;

/**
 * MiB that the process may grow in 1000 steps, on the line through all samples after the warm-up: V8
 * keeps some MiB more or less from one collection to the next.
 */
const MOST_RESIDENT = 8;

/** The same of JavaScript's objects, which are counted, not estimated. The losses that are kept are 8 KB of it. */
const MOST_HEAP = 1;

const MIB = 2 ** 20;

/**
 * Trains the tiny model (the work `step-tiny`), prints the memory at intervals and what became of it.
 *
 * @returns Whether it stayed within bounds: the WebAssembly memory the same to the byte, the rest as
 * {@link MOST_RESIDENT} and {@link MOST_HEAP} say.
 */
export async function endure({ steps, threads }: EnduranceOptions): Promise<boolean> {
  const tessera = await openTessera({
    threads: threads ?? availableParallelism(),
    backend: 'wasm',
  });
  const backend = defaultBackend() as WasmBackend; // which has just been opened
  const [work] = selectWorks(['step-tiny']).works;
  const { run } = await tessera.prepare(work, makeArrays(work));
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const samples: Sample[] = [];
  const start = performance.now();
  console.log('   step   resident       heap  wasm used       wasm  (MiB)');
  for (let step = 1; step <= steps; step++) {
    await run();
    if (step % Math.ceil(steps / SAMPLES) !== 0) continue;
    const least = Math.min(...samples.map(({ used }) => used));
    const sample = await look(step, backend, collect, least);
    samples.push(sample);
    console.log(formatSample(sample));
  }
  const seconds = (performance.now() - start) / 1000;
  console.log(`${steps} steps on ${backend.threads} threads took ${seconds.toFixed(0)} s.`);
  return judge(samples.filter(({ step }) => step > WARM_UP * steps));
}

/**
 * @param collect Collects garbage.
 * @param least What tensors and plans held at the least before.
 */
async function look(
  step: number,
  backend: WasmBackend,
  collect: () => void,
  least: number,
): Promise<Sample> {
  // What was collected tells of it later, and what V8 is compiling keeps some a while: so until there is
  // no more than there was before, or hope is lost.
  for (let round = 0; round < 5 || (round < 100 && backend.usedBytes() > least); round++) {
    collect();
    await setTimeout(5);
  }
  const { rss, heapUsed } = process.memoryUsage();
  return {
    step,
    resident: rss,
    heap: heapUsed,
    used: backend.usedBytes(),
    memory: backend.memoryBytes(),
  };
}

function formatSample({ step, resident, heap, used, memory }: Sample): string {
  const columns = [resident, heap, used, memory].map((bytes) =>
    (bytes / MIB).toFixed(2).padStart(11),
  );
  return [String(step).padStart(7), ...columns].join('');
}

/** Prints what became of the memory, and whether that is within bounds. */
function judge(samples: readonly Sample[]): boolean {
  const growth = (of: 'resident' | 'heap'): number =>
    (1000 * slope(samples.map((sample) => [sample.step, sample[of]]))) / MIB;
  const isFlat = (of: 'used' | 'memory'): boolean =>
    samples.every((sample) => sample[of] === samples[0][of]);
  const findings = [
    bounded('The process', growth('resident'), MOST_RESIDENT),
    bounded("JavaScript's heap", growth('heap'), MOST_HEAP),
    exact('What tensors and plans hold', isFlat('used')),
    exact('The WebAssembly memory', isFlat('memory')),
  ];
  for (const { text, isFine } of findings) console.log(`${isFine ? 'ok   ' : 'FAILS'} ${text}`);
  return findings.every(({ isFine }) => isFine);
}

interface Finding {
  readonly text: string;
  readonly isFine: boolean;
}

function bounded(name: string, growth: number, most: number): Finding {
  const text = `${name} grew by ${growth.toFixed(2)} MiB in 1000 steps; ${most} MiB are allowed.`;
  return { text, isFine: growth <= most };
}

function exact(name: string, isFlat: boolean): Finding {
  return { text: `${name} ${isFlat ? 'stayed the same to the byte' : 'changed'}.`, isFine: isFlat };
}
