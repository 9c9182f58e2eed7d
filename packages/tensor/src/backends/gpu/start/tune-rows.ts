// Measures how many threads should share a row on this device.

import type { Operand } from '../../../plan/kernel.ts';
import { contiguousView } from '../../../array/view.ts';
import { DeviceError, orRefusal } from '../device/errors.ts';
import { Lowering } from '../kernel/lowering.ts';
import { runOnce } from '../device/run-once.ts';
import { lowerLogSumExp } from '../rows/softmax.ts';
import type { WebGpuEngine } from '../engines/webgpu-engine.ts';

/** Number of rows, and their length, in the kernel that is timed. */
const ROWS = 1024;
const LENGTH = 128;

/** Elements per thread where barriers cost little, as on a GPU: more threads hide more of its latency. */
const FEW = 8;

/** Elements per thread where each barrier switches stacks for each thread, as on a software adapter. */
const MANY = 128;

/** Many are taken only if they need less than this part of the time: chance does not bring that about. */
const GAIN = 0.6;

/** Rounds per choice; the best time counts. */
const ROUNDS = 3;

/**
 * Measures how many elements of a row justify one more thread on a device. The answer is the small number if
 * the device refuses both choices.
 */
export async function tuneRows(engine: WebGpuEngine): Promise<number> {
  const [few, many] = [await timeOf(engine, FEW), await timeOf(engine, MANY)];
  return many < GAIN * few ? MANY : FEW;
}

/** The time of a choice in milliseconds; infinite if the device refuses it. */
async function timeOf(engine: WebGpuEngine, elementsOfThread: number): Promise<number> {
  const operand = (buffer: number, shape: readonly number[]): Operand => {
    return { buffer, dtype: 'float32', view: contiguousView(shape) };
  };
  const [x, y] = [operand(0, [ROWS, LENGTH]), operand(1, [ROWS])];
  const buffers = [ROWS * LENGTH, ROWS].map((size) => ({ size, dtype: 'float32' }) as const);
  const lowering = new Lowering(buffers, engine.limits);
  lowerLogSumExp(lowering, { inputs: [x], outputs: [y] }, { axis: 1 });
  const [{ source }] = lowering.dispatches;
  const program = engine.compileAs(source, 'plain', elementsOfThread);
  const elements = engine.upload(new Float32Array(ROWS * LENGTH));
  const run = async (): Promise<number> => {
    const start = performance.now();
    await runOnce(engine, program, [elements]);
    return performance.now() - start;
  };
  const best = await orRefusal(async () => {
    // The first round compiles.
    await run();
    let time = Infinity;
    for (let round = 0; round < ROUNDS; round++) time = Math.min(time, await run());
    return time;
  }).finally(() => engine.free(elements));
  return best instanceof DeviceError ? Infinity : best;
}
