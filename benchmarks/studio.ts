// `npm run bench:studio`: what the pages of the studio must reach, in headless Chromium, as a table.

/** `npm run bench:studio -- [--run FOLDER] [--samples N] [--only WORDS]`: the median of N measurements; without a run the shipped weights. */
import { loadavg } from 'node:os';
import Table from 'cli-table3';
import { Command } from 'commander';
import { describeMachine } from './compare/machine.ts';
import { summarize } from './compare/statistics.ts';
import { drawRows } from './studio/draw.ts';
import { insideRows } from './studio/inside.ts';
import { memoryRows } from './studio/memory.ts';
import type { StudioRow } from './studio/rows.ts';
import { trainRows } from './studio/train.ts';
import { openStudio } from './studio/visit.ts';

const { run, samples, only } = new Command()
  .option('--run <folder>', 'folder of the run that draws')
  .option('--samples <n>', 'measurements of each row', '5')
  .option('--only <words>', 'measure only rows with these words in their names', '')
  .parse()
  .opts<{ readonly run?: string; readonly samples: string; readonly only: string }>();

const rows: readonly StudioRow[] = [...drawRows, ...trainRows, ...memoryRows, ...insideRows].filter(
  ({ name }) => name.includes(only),
);
const table = new Table({
  head: ['what', 'bar', 'median', 'min', 'max'],
  style: { head: [], border: [] },
});
const studio = await openStudio(run);
try {
  for (const { name, bar, unit, measure, isFixed = false } of rows) {
    const values: number[] = [];
    for (let i = 0; i < (isFixed ? 1 : Number(samples)); i++) values.push(await measure(studio));
    const { median, min, max } = summarize(values);
    table.push([name, bar, `${median.toFixed(0)} ${unit}`, min.toFixed(0), max.toFixed(0)]);
  }
} finally {
  await studio.close();
}
const { cpu, cores, system } = describeMachine();
console.log(`${cpu}, ${cores} cores, ${system}, load ${loadavg()[0].toFixed(1)}`);
console.log(table.toString());
