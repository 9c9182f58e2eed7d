import { compile } from '@tessera/tensor';
import type { Comparison } from './compare.ts';

/** The parts of a golden folder, each with a manifest of its own. */
export const SECTIONS = ['ops', 'optim', 'dit', 'diffusion', 'train'] as const;

/** One of {@link SECTIONS}. */
export type SectionName = (typeof SECTIONS)[number];

/** One thing that is right or wrong. */
export interface GoldenCase {
  /** What reports call it. */
  readonly id: string;
  /** The row of the table that it counts in. */
  readonly group: string;
  /** Whether plain code computes it, and no function of tensors that could be compiled. */
  readonly isPlain?: boolean;
  /** Computes the case and compares; throws if it cannot be computed. */
  readonly check: () => Promise<readonly Comparison[]>;
}

/** Whether functions run operation by operation, or as one compiled plan. */
export type Mode = 'eager' | 'compiled';

/** Makes of a function one that is called in another way, such as by another engine. */
export type Through = <A extends readonly unknown[], R>(
  f: (...args: A) => R,
) => (...args: A) => Promise<R>;

/** How functions of tensors are called. */
export type Way = Mode | Through;

/** How a case ended. */
export interface CaseResult {
  readonly id: string;
  readonly group: string;
  readonly status: 'passed' | 'failed';
  /** The largest deviation in units of its tolerance; `null` if nothing could be compared. */
  readonly worst: number | null;
  /** Why it failed, one text a reason. */
  readonly problems: readonly string[];
}

/** Runs cases one after the other. A case that throws has failed; none is ever skipped. */
export async function runCases(cases: readonly GoldenCase[]): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (const golden of cases) results.push(await runCase(golden));
  return results;
}

async function runCase({ id, group, check }: GoldenCase): Promise<CaseResult> {
  try {
    const comparisons = await check();
    if (comparisons.length === 0) throw new Error('the case compares nothing');
    const problems = comparisons.flatMap(({ problem }) => (problem === null ? [] : [problem]));
    return {
      id,
      group,
      status: problems.length === 0 ? 'passed' : 'failed',
      worst: Math.max(...comparisons.map(({ worst }) => worst)),
      problems,
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { id, group, status: 'failed', worst: null, problems: [reason] };
  }
}

/** A function of tensors to be called in some way. */
export function inWay<A extends readonly unknown[], R>(
  way: Way,
  f: (...args: A) => R,
): (...args: A) => Promise<R> {
  if (typeof way === 'function') return way(f);
  const run = way === 'compiled' ? compile(f) : f;
  return (...args) => Promise.resolve(run(...args));
}

/** Computes on the first call and remembers; a failure is remembered too. */
export function once<T>(compute: () => T): () => T {
  let outcome: { readonly value: T } | { readonly error: unknown } | undefined;
  return () => {
    if (outcome === undefined) {
      try {
        outcome = { value: compute() };
      } catch (error) {
        outcome = { error };
      }
    }
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  };
}
