// `npm run bench:memory`: the memory of the trainer's own step, in a process of its own.

import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';
import { CommanderError } from 'commander';
import { strictCommand, wholeNumber } from './compare/arguments.ts';
import type { MemoryReport, MemoryRequest } from './memory-process.ts';

/** Measures in a fresh process, which loads what is built and nothing else. */
function measured(request: MemoryRequest): MemoryReport {
  const program = fileURLToPath(new URL('memory-process.js', import.meta.url));
  const text = execFileSync(process.execPath, [program, JSON.stringify(request)], {
    encoding: 'utf8',
  });
  return JSON.parse(text) as MemoryReport;
}

function print(report: MemoryReport): void {
  const [loaded, first, last] = report.peaks;
  const table = new Table({ head: ['of the trainer', ''], style: { head: [], border: [] } });
  const row = (name: string, value: number, unit = 'MiB'): void => {
    table.push([name, { content: `${value.toFixed(1)} ${unit}`, hAlign: 'right' }]);
  };
  row('peak of the process, once loaded', loaded);
  row('… in the first step', first);
  row('… in all', last);
  row('WebAssembly memory', report.wasm);
  row('… intermediate results of the step', report.arena);
  row('… model, average and moments', report.state);
  row('… workspace, batch, frames', report.used - report.arena - report.state);
  row('… free', report.wasm - report.used);
  row("V8's young generation", report.young);
  row("V8's old generation", report.old);
  row("V8's code", report.code);
  row('first step', report.first, 'ms');
  row('a step, median', report.step, 'ms');
  console.log(`Node ${process.version}, loss ${report.loss}`);
  console.log(table.toString());
}

try {
  const command = strictCommand('bench:memory', "Measures the memory of the trainer's own step.")
    .option('--threads <n>', 'threads (default: one a core)', wholeNumber(1))
    .option('--steps <n>', 'steps after the first', wholeNumber(1), 10)
    .option('--accumulate <n>', 'micro-batches of a step', wholeNumber(1), 1)
    .option('--checkpoint <n>', 'blocks that are computed again', wholeNumber(0), 0)
    .parse();
  const { threads = availableParallelism(), ...rest } = command.opts<
    Omit<MemoryRequest, 'threads'> & { readonly threads?: number }
  >();
  print(measured({ threads, ...rest }));
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
