// All passes in their order: from a traced program through kernels to a plan with places in memory.

import type { TensorSpec } from '../primitives/primitive.ts';
import type { Plan } from '../plan/plan.ts';
import { fuseIntoAssemblies, mergeAssemblies } from './fuse/assemble.ts';
import { fuseEpilogues } from './fuse/epilogue.ts';
import { fillGraph, type Fuser, type InputWindow, type Schedule } from './fuse/fuse.ts';
import { rematerialize } from './fuse/rematerialize.ts';
import { planMemory } from './memory.ts';
import { checkProgram, type Program } from './program.ts';
import { simplify } from './simplify.ts';

/** A pass over groups of work. It changes no result. */
export type Pass = (work: Fuser) => void;

/** The passes of {@link fuse} in their order. After them come those of the caller, and last the epilogues. */
const FUSION: readonly Pass[] = [
  // Sums of padded parts become parts of one buffer, before anything else merges with the padding.
  (work) => {
    mergeAssemblies(work.graph, (dtype, size) => work.buffer(dtype, size));
  },
  // A map joins the map or reduction that alone reads it.
  ({ graph }) => {
    graph.fuseChains();
  },
  // A map joins the part of a buffer that alone reads it.
  ({ graph }) => {
    fuseIntoAssemblies(graph);
  },
  // Maps that read the same operands join.
  ({ graph }) => {
    graph.fuseNeighbours();
  },
  // Cheap results are computed again where they are read: only now is it known who reads what.
  ({ graph }) => {
    rematerialize(graph);
  },
];

/**
 * Turns a program into kernels. Movements become views of operands. Chains of pointwise instructions become
 * one map kernel each. A reduction includes the map whose result it alone reads.
 *
 * Two groups of pointwise work merge if all of this holds: they iterate over the same number of elements;
 * each reads the other's results only element by element; no path through other work leads from one to the
 * other (it would make the merged graph cyclic); no movement between them separates them.
 *
 * @param windows The layout of the inputs in their storage; default row-major.
 * @param epilogues Operations whose kernels can also do pointwise work on their results; default none.
 * @param passes More passes, before maps become epilogues; default none.
 * @example
 * const traced = trace(([x]) => [x.mul(2).exp()], [{ shape: [3], dtype: 'float32' }]);
 * const { kernels } = fuse(simplify(traced));
 * kernels.length; // 1: product and exponential in one loop
 */
export function fuse(
  program: Program,
  windows?: readonly InputWindow[],
  epilogues: ReadonlySet<string> = new Set(),
  passes: readonly Pass[] = [],
): Schedule {
  const work = fillGraph(program, windows);
  for (const pass of [...FUSION, ...passes]) pass(work);
  // A map joins the call whose result it alone reads.
  fuseEpilogues(work.graph, epilogues);
  return work.schedule();
}

/**
 * Makes a plan of a program: kernels, then their places in memory.
 *
 * @param donated Indices of the inputs whose storage may become an output's.
 * @param windows The layout of the inputs in their storage; default row-major.
 * @param epilogues Operations whose kernels can also do pointwise work on their results; default none.
 * @param passes More passes, before maps become epilogues; default none.
 * @example
 * const program = trace(([x]) => [x.mul(2).exp()], [{ shape: [3], dtype: 'float32' }]);
 * planProgram(simplify(program)).arenaBytes; // 0: one kernel needs no scratch memory
 */
export function planProgram(
  program: Program,
  donated: readonly number[] = [],
  windows?: readonly InputWindow[],
  epilogues?: ReadonlySet<string>,
  passes?: readonly Pass[],
): Plan {
  checkProgram(program);
  const specs = (variables: Program['inputs']): TensorSpec[] =>
    variables.map(({ shape, dtype }) => ({ shape, dtype }));
  return planMemory(
    fuse(program, windows, epilogues, passes),
    specs(program.inputs),
    specs(program.outputs),
    donated,
  );
}

/** All passes over a traced program: the program in short, and its plan. */
export function compileProgram(
  traced: Program,
  donated: readonly number[],
  epilogues: ReadonlySet<string>,
  passes: readonly Pass[],
): { readonly simplified: Program; readonly plan: Plan } {
  const simplified = simplify(traced);
  return { simplified, plan: planProgram(simplified, donated, undefined, epilogues, passes) };
}
