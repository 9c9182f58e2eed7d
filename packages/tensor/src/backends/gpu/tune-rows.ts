import type { Operand } from '../../compile/kernel.ts';
import { contiguousView } from '../../view.ts';
import { Lowering } from './lowering.ts';
import { lowerLogSumExp } from './softmax.ts';
import type { WebGpuEngine } from './webgpu-engine.ts';

/** Rows and their length, of the kernel that is timed. */
const ROWS = 1024;
const LENGTH = 128;

/** Elements of a thread where barriers cost little, as on a GPU: more threads hide more of its latency. */
const FEW = 8;

/** Elements of a thread where a barrier is a switch of stacks for each thread, as on a software adapter. */
const MANY = 128;

/** Many are taken only if they need less than this part of the time, which chance does not bring about. */
const GAIN = 0.6;

/** Each is timed this often, and the best time counts. */
const ROUNDS = 3;

/**
 * How many elements of a row are worth one more thread on a device, from the time that each choice takes.
 *
 * @throws DeviceError if the device refuses a kernel whose threads share memory
 */
export async function tuneRows(engine: WebGpuEngine): Promise<number> {
  const [few, many] = [await timeOf(engine, FEW), await timeOf(engine, MANY)];
  return many < GAIN * few ? MANY : FEW;
}

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
  let time = Infinity;
  try {
    // The first round compiles.
    for (let round = 0; round <= ROUNDS; round++) {
      const start = performance.now();
      const result = engine.run(program, [elements]);
      await engine.read(result).finally(() => engine.free(result));
      if (round > 0) time = Math.min(time, performance.now() - start);
    }
  } finally {
    engine.free(elements);
  }
  return time;
}
