/** `npm run bench [-- WORD …]`: times Tessera's work whose name holds one of the words, or all of it. */
import { cpus } from 'node:os';
import Table from 'cli-table3';
import { CommanderError } from 'commander';
import { setDefaultBackend } from '@tessera/tensor';
import { parseBackend, strictCommand, wholeNumber } from './compare/arguments.ts';
import { openBackend, openTessera, wasmBackend } from './contenders/tessera.ts';
import { time } from './timing.ts';
import { allWork } from './work.ts';

interface Options {
  readonly backend: 'wasm' | 'cpu';
  readonly threads: number;
}

async function bench(words: readonly string[], options: Options): Promise<void> {
  const { backend, threads } = options;
  setDefaultBackend(await openBackend(backend, threads));
  const chosen = allWork(await openTessera(options)).filter(
    ({ name }) => words.length === 0 || words.some((word) => name.includes(word)),
  );
  const table = new Table({
    head: ['work', 'median ms', 'min', 'max', 'GFLOP/s'],
    style: { head: [], border: [] },
  });
  for (const { name, flops, prepare } of chosen) {
    const { median, min, max } = await time(await prepare());
    const rate = flops === 0 ? '' : (flops / median / 1e6).toFixed(2);
    table.push([name, median.toFixed(2), min.toFixed(2), max.toFixed(2), rate]);
  }
  const count = threads === 1 ? '1 thread' : `${threads} threads`;
  console.log(`${cpus()[0].model}, Node ${process.version}, ${backend} backend, ${count}`);
  console.log(table.toString());
}
