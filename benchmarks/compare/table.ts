// The rows of one work as a table for a terminal.

import Table from 'cli-table3';
import type { Work } from '../works/works.ts';
import { compareRows } from './ratios.ts';
import type { Row } from './result.ts';

const HEAD = [
  'contender',
  'threads',
  'median ms',
  'min',
  'max',
  'GFLOP/s',
  'RSS MB',
  '÷ Tessera',
  '÷ PyTorch',
];

/** A number with three digits that matter, or nothing. */
export function shown(value: number | null): string {
  if (value === null) return '';
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** The table, under the name of the work. */
export function workTable({ name, about }: Work, rows: readonly Row[]): string {
  const table = new Table({ head: [...HEAD, 'note'], style: { head: [], border: [] } });
  for (const { row, toTessera, toPytorch } of compareRows(rows)) {
    const times = [row.medianMs, row.minMs, row.maxMs, row.gflops, row.rssMB].map(shown);
    const ratios = [toTessera, toPytorch].map(shown);
    table.push([row.contender, row.threads, ...times, ...ratios, row.note]);
  }
  return `${name}: ${about}\n${table.toString()}`;
}
