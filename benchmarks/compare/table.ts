// The rows of one work as a table for a terminal.

import Table from 'cli-table3';
import type { Work } from '../works/works.ts';
import { compareRows } from './ratios.ts';
import { nameOf, type Row } from './result.ts';

const HEAD = ['contender', 'threads', 'median ms', 'min', 'max', 'GFLOP/s', 'RSS MB'];

/** A number with three digits that matter, or nothing. */
export function shown(value: number | null): string {
  if (value === null) return '';
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** The table, under the name of the work. */
export function workTable({ name, about }: Work, rows: readonly Row[], base?: string): string {
  const { references, rows: compared } = compareRows(rows, base);
  const head = [...HEAD, ...references.map((reference) => `÷ ${reference}`), 'note'];
  const table = new Table({ head, style: { head: [], border: [] } });
  for (const { row, ratios } of compared) {
    const times = [row.medianMs, row.minMs, row.maxMs, row.gflops, row.rssMB].map(shown);
    table.push([nameOf(row), row.threads, ...times, ...ratios.map(shown), row.note]);
  }
  return `${name}: ${about}\n${table.toString()}`;
}
