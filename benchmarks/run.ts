/** `npm run bench [-- WORD …]`: times the work whose name holds one of the words, or all of it. */
import { cpus } from 'node:os';
import Table from 'cli-table3';
import { time } from './timing.ts';
import { allWork } from './work.ts';

const words = process.argv.slice(2);
const chosen = allWork().filter(
  ({ name }) => words.length === 0 || words.some((word) => name.includes(word)),
);
const table = new Table({
  head: ['work', 'median ms', 'min', 'max', 'GFLOP/s'],
  style: { head: [], border: [] },
});
for (const { name, flops, run } of chosen) {
  const { median, min, max } = await time(run);
  const rate = flops === 0 ? '' : (flops / median / 1e6).toFixed(2);
  table.push([name, median.toFixed(2), min.toFixed(2), max.toFixed(2), rate]);
}
console.log(`${cpus()[0].model}, Node ${process.version}, cpu backend, 1 thread`);
console.log(table.toString());
