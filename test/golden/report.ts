import Table from 'cli-table3';
import type { CaseResult, GoldenCase, SectionName } from './golden-case.ts';

/** The results of one section. */
export interface SectionResults {
  readonly section: SectionName;
  readonly results: readonly CaseResult[];
  /** Cases that were not run, because plain code computes them. */
  readonly skipped: readonly GoldenCase[];
}

/** Reasons printed for one section; the table counts the rest. */
const REASONS_SHOWN = 40;

/** Reasons printed for one case. */
const REASONS_OF_A_CASE = 3;

/** The table of a section: one row a group, with the worst deviation in units of its tolerance. */
export function formatTable({ section, results }: SectionResults): string {
  const table = new Table({
    head: [section, 'passed', 'failed', 'worst error / tolerance'],
    colAligns: ['left', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const [group, members] of groupResults(results)) {
    table.push([group, count(members, 'passed'), count(members, 'failed'), worstText(members)]);
  }
  return table.toString();
}

/** Why cases of a section failed, the first of them; cases that failed for one reason share a line. */
export function formatFailures({ results }: SectionResults): string[] {
  const reasons = new Map<string, string[]>();
  for (const { id, problems } of results) {
    const more = problems.length - REASONS_OF_A_CASE;
    const shown = problems.slice(0, REASONS_OF_A_CASE);
    for (const problem of more > 0 ? [...shown, `and ${more} more problems`] : shown) {
      const ids = reasons.get(problem);
      if (ids === undefined) reasons.set(problem, [id]);
      else ids.push(id);
    }
  }
  const lines = [...reasons].map(([problem, ids]) => `  ${idsText(ids)}: ${problem}`);
  const more = lines.length - REASONS_SHOWN;
  return more > 0 ? [...lines.slice(0, REASONS_SHOWN), `  … and ${more} more lines`] : lines;
}

/** What was not run because it is no function of tensors: the number of cases of each group. */
export function formatSkipped({ skipped }: SectionResults): string[] {
  if (skipped.length === 0) return [];
  const groups = [...groupResults(skipped)].map(([group, { length }]) => `${group} ${length}`);
  return [`  not run, plain code and no functions of tensors: ${groups.join(', ')}`];
}

/** The last line of the runner. What cannot be run has failed; only another engine skips plain code. */
export function formatSummary(sections: readonly SectionResults[]): string {
  const all = sections.flatMap(({ results }) => results);
  const skipped = sections.reduce((sum, section) => sum + section.skipped.length, 0);
  return (
    `golden: ${count(all, 'passed')} passed, ${count(all, 'failed')} failed, ` +
    `${skipped} skipped of ${all.length + skipped}`
  );
}

/** Whether every case of every section passed. */
export function isWhole(sections: readonly SectionResults[]): boolean {
  return sections.every(({ results }) => results.every(({ status }) => status === 'passed'));
}

function idsText(ids: readonly string[]): string {
  return ids.length <= 3
    ? ids.join(', ')
    : `${ids.slice(0, 2).join(', ')} and ${ids.length - 2} more`;
}

function groupResults<T extends { readonly group: string }>(
  results: readonly T[],
): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const result of results) {
    const members = groups.get(result.group);
    if (members === undefined) groups.set(result.group, [result]);
    else members.push(result);
  }
  return groups;
}

function count(results: readonly CaseResult[], status: CaseResult['status']): number {
  return results.filter((result) => result.status === status).length;
}

function worstText(results: readonly CaseResult[]): string {
  const compared = results.flatMap(({ worst }) => (worst === null ? [] : [worst]));
  if (compared.length === 0) return '—';
  const worst = Math.max(...compared);
  return Number.isFinite(worst) ? worst.toPrecision(2) : '∞';
}
