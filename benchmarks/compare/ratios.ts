// How many times as long as another one contender takes, and the headlines of a run.

import { isPython, TRAITS, type ContenderName } from '../contenders/names.ts';
import { nameOf, type Row } from './result.ts';

/** A row with its time as multiples of those of the references; `null` where one has none. */
export interface ComparedRow {
  readonly row: Row;
  readonly ratios: readonly (number | null)[];
}

/** Rows of one work, compared. */
export interface Comparison {
  /** Names of what is compared with: the base, and each PyTorch that has a time. */
  readonly references: readonly string[];
  readonly rows: readonly ComparedRow[];
}

/** The rows of one work, compared with equal thread counts. The base is a contender, by default Tessera. */
export function compareRows(rows: readonly Row[], base = 'tessera'): Comparison {
  const torches = rows.filter(
    ({ contender, medianMs }) => isPython(contender) && medianMs !== null,
  );
  const references = [...new Set([base, ...torches.map(nameOf)])];
  const ratio = (row: Row, name: string): number | null => {
    const other = rows.find((each) => nameOf(each) === name && each.threads === row.threads);
    const known = row.medianMs !== null && typeof other?.medianMs === 'number';
    return known ? row.medianMs / other.medianMs : null;
  };
  return {
    references,
    rows: rows.map((row) => ({ row, ratios: references.map((name) => ratio(row, name)) })),
  };
}

/** The fastest of some rows; `undefined` if none has a time. */
function fastest(rows: readonly Row[]): Row | undefined {
  const timed = rows.filter(({ medianMs }) => medianMs !== null);
  return timed.sort((a, b) => Number(a.medianMs) - Number(b.medianMs))[0];
}

const named = (row: Row): string =>
  `${nameOf(row)} with ${row.threads} ${row.threads === 1 ? 'thread' : 'threads'}`;

/**
 * The sentences that the bars of the project are about: Tessera at its most threads against the
 * fastest engine for JavaScript, however many threads that uses, and against each PyTorch on the CPU; for work at a
 * rate, each of its thread counts against the arithmetic peak with as many.
 *
 * @param rows of one work
 * @param peaks rows of the peak loops in the same run
 */
export function headline(rows: readonly Row[], peaks: readonly Row[]): string[] {
  const timed = rows.filter(({ medianMs }) => medianMs !== null);
  const own = timed.filter(({ contender }) => contender === 'tessera');
  const most = Math.max(0, ...own.map(({ threads }) => threads));
  const best = own.find(({ threads }) => threads === most);
  if (best === undefined) return [];
  const peer = fastest(timed.filter(({ contender }) => isJavascript(contender)));
  const torches = timed.filter(
    ({ contender, threads }) =>
      isPython(contender) && contender !== 'pytorch-cuda' && threads === most,
  );
  const ratio = (a: Row, b: Row): string => (Number(a.medianMs) / Number(b.medianMs)).toFixed(2);
  const sentences: string[] = [];
  if (peer !== undefined) {
    sentences.push(`${named(best)} is ${ratio(peer, best)} times as fast as ${named(peer)}`);
  }
  for (const torch of torches) {
    sentences.push(`${named(best)} takes ${ratio(best, torch)} times as long as ${named(torch)}`);
  }
  for (const row of own) {
    const peak = Math.max(
      ...peaks.filter(({ threads }) => threads === row.threads).map(({ gflops }) => gflops ?? 0),
    );
    if (row.gflops === null || !(peak > 0)) continue;
    const share = ((100 * row.gflops) / peak).toFixed(0);
    sentences.push(`${named(row)} reaches ${share} % of the wasm peak`);
  }
  return sentences.map((sentence) => `${best.work}: ${sentence}`);
}

function isJavascript(contender: string): boolean {
  return Object.hasOwn(TRAITS, contender) && TRAITS[contender as ContenderName].javascript;
}
