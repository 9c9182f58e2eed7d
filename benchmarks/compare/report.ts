// Results as a page of Markdown, with a table for each work.

import { workNamed } from '../works/works.ts';
import { adapterNote } from './adapter.ts';
import { compareRows } from './ratios.ts';
import type { ComparedRow } from './ratios.ts';
import type { Result, Row } from './result.ts';
import { shown } from './table.ts';

/** What stands before and behind tables in a document. */
export interface Markers {
  readonly start: string;
  readonly end: string;
}

/** Around the tables of `bench:peers`. */
export const MARKERS: Markers = {
  start: '<!-- measured: start; `npm run bench:report` writes what follows -->',
  end: '<!-- measured: end -->',
};

/** Around those of `bench gpu`. */
export const GPU_MARKERS: Markers = {
  start: '<!-- measured on a gpu: start; `npm run bench:report` writes what follows -->',
  end: '<!-- measured on a gpu: end -->',
};

const HEAD = [
  'contender',
  'threads',
  'median (min–max), ms',
  'GFLOP/s',
  'RSS, MB',
  '÷ Tessera',
  '÷ PyTorch',
  'note',
];

function cells({ row, toTessera, toPytorch }: ComparedRow): string[] {
  const { medianMs, minMs, maxMs } = row;
  const time = medianMs === null ? '–' : `${shown(medianMs)} (${shown(minMs)}–${shown(maxMs)})`;
  return [
    row.contender,
    String(row.threads),
    time,
    ...[row.gflops, row.rssMB, toTessera, toPytorch].map(shown),
    row.note.replaceAll('|', '\\|').replaceAll('\n', ' '),
  ];
}

/** A table whose columns are as wide as their widest cell, as the formatter leaves it. */
function table(rows: readonly (readonly string[])[]): string {
  const all = [HEAD, ...rows];
  const widths = HEAD.map((_, column) => Math.max(3, ...all.map((row) => row[column].length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(HEAD), rule, ...rows.map(line)].join('\n');
}

function section(name: string, rows: readonly Row[]): string {
  const about = workNamed(name)?.about;
  const heading = about === undefined ? `**${name}**` : `**${name}**: ${about}`;
  return `${heading}\n\n${table(compareRows(rows).map(cells))}`;
}

/** The whole result: where and when it was measured, and a table a work. */
export function renderResult(result: Result): string {
  const { date, machine, versions, rows } = result;
  const { cpu, cores, memoryGB, system } = machine;
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const names = [...new Set(rows.map(({ work }) => work))];
  return [
    `Measured ${date.slice(0, 10)} on ${cpu}, ${cores} cores, ${memoryGB} GB, ${system}.`,
    ...[adapterNote(result) ?? []].flat(),
    `Versions: ${list.join(', ')}.`,
    ...names.map((name) =>
      section(
        name,
        rows.filter(({ work }) => work === name),
      ),
    ),
  ].join('\n\n');
}

/**
 * A document with the rendered result between the markers.
 *
 * @throws Error if the document has no markers in order
 */
export function insertResult(document: string, rendered: string, markers = MARKERS): string {
  const start = document.indexOf(markers.start);
  const end = document.indexOf(markers.end);
  if (start < 0 || end < start) throw new Error('bench:report: the README has lost its markers.');
  const before = document.slice(0, start + markers.start.length);
  return `${before}\n\n${rendered}\n\n${document.slice(end)}`;
}
