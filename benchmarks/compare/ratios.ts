// How many times as long as another one contender takes, and the headlines of a run.

import { TRAITS, type ContenderName } from '../contenders/names.ts';
import type { Row } from './result.ts';

/** A row with its time as a multiple of Tessera's and of PyTorch's; `null` where one has none. */
export interface ComparedRow {
  readonly row: Row;
  readonly toTessera: number | null;
  readonly toPytorch: number | null;
}

/** The rows of one work, compared with equal thread counts. */
export function compareRows(rows: readonly Row[]): ComparedRow[] {
  const ratio = (row: Row, name: ContenderName): number | null => {
    const other = rows.find(
      ({ contender, threads }) => contender === name && threads === row.threads,
    );
    const known = row.medianMs !== null && typeof other?.medianMs === 'number';
    return known ? row.medianMs / other.medianMs : null;
  };
  return rows.map((row) => ({
    row,
    toTessera: ratio(row, 'tessera'),
    toPytorch: ratio(row, 'pytorch') ?? ratio(row, 'pytorch-cuda'),
  }));
}

/** The fastest of some rows; `undefined` if none has a time. */
function fastest(rows: readonly Row[]): Row | undefined {
  const timed = rows.filter(({ medianMs }) => medianMs !== null);
  return timed.sort((a, b) => Number(a.medianMs) - Number(b.medianMs))[0];
}

const named = ({ contender, threads }: Row): string =>
  `${contender} with ${threads} ${threads === 1 ? 'thread' : 'threads'}`;

/**
 * The sentences that the bars of the project are about: Tessera at its most threads against the
 * fastest engine for JavaScript, however many threads that uses, and against PyTorch; for work at a
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
  const torch = timed.find(({ contender, threads }) => contender === 'pytorch' && threads === most);
  const ratio = (a: Row, b: Row): string => (Number(a.medianMs) / Number(b.medianMs)).toFixed(2);
  const sentences: string[] = [];
  if (peer !== undefined) {
    sentences.push(`${named(best)} is ${ratio(peer, best)} times as fast as ${named(peer)}`);
  }
  if (torch !== undefined) {
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
