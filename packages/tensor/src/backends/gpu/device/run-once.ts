// Runs one kernel, reads its result and frees it.

import type { Engine, Memory, Program } from './engine.ts';

/** The values that a kernel gives, which then are on the device no more. */
export async function runOnce(
  engine: Engine,
  program: Program,
  operands: readonly Memory[],
): Promise<Float32Array> {
  const result = engine.run(program, operands);
  try {
    return await engine.read(result);
  } finally {
    engine.free(result);
  }
}
