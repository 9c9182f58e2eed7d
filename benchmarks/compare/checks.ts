// Checks that all contenders computed the same numbers.

import { nameOf, type Row } from './result.ts';

/** The most by which a check value may differ from the reference's, relative to it. */
const TOLERANCE = 1e-4;

/** A row with the check values behind it; `null` where there are none. */
export interface CheckedRow {
  readonly row: Row;
  readonly check: readonly number[] | null;
}

/** The greatest relative difference of two lists of numbers; infinite if their lengths differ. */
export function deviation(values: readonly number[], reference: readonly number[]): number {
  if (values.length !== reference.length) return Infinity;
  const differences = values.map((value, i) => {
    if (value === reference[i]) return 0;
    const difference = Math.abs(value - reference[i]) / Math.abs(reference[i]);
    return Number.isNaN(difference) ? Infinity : difference;
  });
  return Math.max(0, ...differences);
}

/**
 * Notes in each row of one work how far its check values are from those of the reference: the first
 * PyTorch that has some, or else the first contender.
 */
export function compareChecks(rows: readonly CheckedRow[]): Row[] {
  const checked = rows.filter(({ check }) => check !== null && check.length > 0);
  const reference = checked.find(({ row }) => row.contender === 'pytorch') ?? checked[0];
  return rows.map((item) => {
    const { row, check } = item;
    if (check === null || check.length === 0 || item === reference) return row;
    const apart = deviation(check, reference.check ?? []);
    const size = apart === 0 ? '0' : apart.toExponential(0);
    const verdict =
      apart <= TOLERANCE
        ? `within ${size} of ${nameOf(reference.row)}`
        : `FAILS: ${size} from ${nameOf(reference.row)}`;
    return { ...row, note: [row.note, verdict].filter((text) => text !== '').join('; ') };
  });
}
