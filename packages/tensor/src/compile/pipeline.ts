// All passes in order: from a program through kernels to a plan with places in memory.

import type { TensorSpec } from '../primitives/primitive.ts';
import { fuse, type InputWindow } from './fuse/fuse.ts';
import { planMemory } from './memory.ts';
import type { Plan } from '../plan/plan.ts';
import { checkProgram, type Program } from './program.ts';

/**
 * Runs all passes: program → kernels → memory plan.
 *
 * @param donated Indices of the inputs whose storage may become an output's.
 * @param windows The layout of the inputs in their storage; default row-major.
 * @param epilogues Operations whose kernels can also do pointwise work on their results; default none.
 * @example
 * const program = trace(([x]) => [x.mul(2).exp()], [{ shape: [3], dtype: 'float32' }]);
 * planProgram(simplify(program)).arenaBytes; // 0: one kernel needs no scratch memory
 */
export function planProgram(
  program: Program,
  donated: readonly number[] = [],
  windows?: readonly InputWindow[],
  epilogues?: ReadonlySet<string>,
): Plan {
  checkProgram(program);
  const specs = (variables: Program['inputs']): TensorSpec[] =>
    variables.map(({ shape, dtype }) => ({ shape, dtype }));
  return planMemory(
    fuse(program, windows, epilogues),
    specs(program.inputs),
    specs(program.outputs),
    donated,
  );
}
