// Runs one kernel, reads its result and frees it.

import type { Engine, Memory, Program } from './engine.ts';

/** Runs a kernel once, reads its result and frees it. */
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
