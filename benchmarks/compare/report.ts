// Results as a page of Markdown, with a table for each work.

import { workNamed } from '../works/works.ts';
import { adapterNote } from './adapter.ts';
import { compareRows } from './ratios.ts';
import type { ComparedRow } from './ratios.ts';
import { nameOf, type Result, type Row } from './result.ts';
import { shown } from './table.ts';

const HEAD = ['contender', 'threads', 'median (min–max), ms', 'GFLOP/s', 'RSS, MB'];

function cells({ row, ratios }: ComparedRow): string[] {
  const { medianMs, minMs, maxMs } = row;
  const time = medianMs === null ? '–' : `${shown(medianMs)} (${shown(minMs)}–${shown(maxMs)})`;
  return [
    nameOf(row),
    String(row.threads),
    time,
    ...[row.gflops, row.rssMB, ...ratios].map(shown),
    row.note.replaceAll('|', '\\|').replaceAll('\n', ' '),
  ];
}

/** A table whose columns are as wide as their widest cell, as the formatter leaves it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(3, ...all.map((row) => row[column].length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

function section(name: string, rows: readonly Row[], base?: string): string {
  const about = workNamed(name)?.about;
  const heading = about === undefined ? `**${name}**` : `**${name}**: ${about}`;
  const { references, rows: compared } = compareRows(rows, base);
  const head = [...HEAD, ...references.map((reference) => `÷ ${reference}`), 'note'];
  return `${heading}\n\n${table(head, compared.map(cells))}`;
}

/** The whole result: where and when it was measured, and a table a work, with ratios to a base. */
export function renderResult(result: Result, base?: string): string {
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
        base,
      ),
    ),
  ].join('\n\n');
}

/** Results as their files hold them; `null` where there is no file yet. */
export interface Measurements {
  /** Of `npm run bench:peers`. */
  readonly peers: Result | null;
  /** Of `npm run bench -- gpu`. */
  readonly gpu: Result | null;
  /** Of `npm run bench -- browser`. */
  readonly browser: Result | null;
}

/** The page of all results. */
export function resultsPage({ peers, gpu, browser }: Measurements): string {
  const body = (result: Result | null, command: string, base?: string): string =>
    result === null ? `Not measured yet: \`${command}\` does it.` : renderResult(result, base);
  return `# Results

Written by \`npm run bench:report\` from \`latest.json\`, \`gpu.json\` and \`browser.json\` in this folder.
[How these were measured](../README.md), and [what they mean and what was tried](../tried.md).

- \`÷ tessera\` is the contender's time over Tessera's with as many threads: above 1 Tessera is faster. So is
  \`÷ pytorch\` over PyTorch's, in a column for each that took part.
- RSS is the most memory that the whole process had resident, its runtime included.
- The note says how far the results are from PyTorch's, or why there are none.

## Beside other libraries

${body(peers, 'npm run bench:peers')}

## On a GPU

Memory and threads of the rows \`tessera-gpu\` and \`pytorch-cuda\` are those of the host.

${body(gpu, 'npm run bench -- gpu')}

## In a page

Tessera everywhere: \`÷ node\` is the time over that of Node with as many threads.

${body(browser, 'npm run bench -- browser', 'node')}
`;
}
