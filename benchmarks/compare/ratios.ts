/** How many times as long as another contender one takes. */

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
    return known ? Number(row.medianMs) / Number(other.medianMs) : null;
  };
  return rows.map((row) => ({
    row,
    toTessera: ratio(row, 'tessera'),
    toPytorch: ratio(row, 'pytorch'),
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
 * fastest engine for JavaScript, however many threads that uses, and against PyTorch.
 */
export function headline(rows: readonly Row[]): string[] {
  const timed = rows.filter(({ medianMs }) => medianMs !== null);
  const most = Math.max(0, ...timed.map(({ threads }) => threads));
  const own = timed.find(({ contender, threads }) => contender === 'tessera' && threads === most);
  const best = own ?? fastest(timed.filter(({ contender }) => contender === 'tessera'));
  if (best === undefined) return [];
  const peer = fastest(timed.filter(({ contender }) => isJavascript(contender)));
  const torch = timed.find(
    ({ contender, threads }) => contender === 'pytorch' && threads === best.threads,
  );
  const say = (text: string, ratio: number): string => `${best.work}: ${text.replace('#', ratio.toFixed(2))}`;
  return [
    ...(peer === undefined
      ? []
      : [say(`${named(best)} is # times as fast as ${named(peer)}`, Number(peer.medianMs) / Number(best.medianMs))]),
    ...(torch === undefined
      ? []
      : [say(`${named(best)} takes # times as long as ${named(torch)}`, Number(best.medianMs) / Number(torch.medianMs))]),
  ];
}

function isJavascript(contender: string): boolean {
  return Object.hasOwn(TRAITS, contender) && TRAITS[contender as ContenderName].javascript;
}
