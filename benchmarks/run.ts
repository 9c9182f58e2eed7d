// `npm run bench`: times Tessera's own work, and starts the other commands.

/**
 * `npm run bench [-- WORD …]`: times Tessera's work whose name holds one of the words, or all of it.
 * `npm run bench -- gpu`, `gpu-composites`, `browser`, `profile`, `endurance`, `eager`, `saving` and `onnx`
 * are commands of their own, see the files of these names.
 */
import { availableParallelism, cpus } from 'node:os';
import Table from 'cli-table3';
import { PRESETS } from '@tessera/dit';
import { CommanderError, Option } from 'commander';
import { parseBackend, strictCommand, wholeNumber } from './compare/arguments.ts';
import type { ContenderOptions } from './contenders/contender.ts';
import { openTessera } from './contenders/tessera.ts';
import { benchComposites, compositeWorks } from './gpu-composites.ts';
import { benchBrowser, type BrowserOptions } from './browser.ts';
import { benchGpu, type GpuOptions } from './gpu.ts';
import { dropResults } from './eager-loop.ts';
import { endure, type EnduranceOptions } from './endurance.ts';
import { benchOnnx, type OnnxOptions } from './onnx.ts';
import { parseWork, profileWork, type ProfileOptions } from './profile.ts';
import { benchSaving, type SavingOptions } from './saving.ts';
import { time } from './timing.ts';
import { allWork } from './work.ts';
import { chooseByWords, parseWord } from './words.ts';
import type { Work } from './works/works.ts';

async function bench(words: readonly string[], options: ContenderOptions): Promise<void> {
  const { threads } = options;
  const tessera = await openTessera(options);
  const table = new Table({
    head: ['work', 'median ms', 'min', 'max', 'GFLOP/s'],
    style: { head: [], border: [] },
  });
  for (const { name, flops, prepare } of chooseByWords(allWork(), words)) {
    const { median, min, max } = await time(await prepare(tessera));
    const rate = flops === 0 ? '' : (flops / median / 1e6).toFixed(2);
    table.push([name, median.toFixed(2), min.toFixed(2), max.toFixed(2), rate]);
  }
  const count = threads === 1 ? '1 thread' : `${threads} threads`;
  const { tessera: version } = tessera.versions;
  console.log(`${cpus()[0].model}, Node ${process.version}, Tessera ${version}, ${count}`);
  console.log(table.toString());
}

const command = strictCommand('bench', "Times Tessera's own work.")
  .enablePositionalOptions()
  .argument('[words...]', 'parts of names; without any, all work', parseWord(allWork))
  .option('--backend <name>', 'wasm or cpu', parseBackend, 'wasm')
  .option('--threads <n>', 'threads (default: one a core, one on cpu)', wholeNumber(1))
  .action((words: readonly string[], given: { backend: 'wasm' | 'cpu'; threads?: number }) => {
    const { backend, threads = backend === 'cpu' ? 1 : availableParallelism() } = given;
    return bench(words, { backend, threads });
  });

command
  .command('gpu')
  .description('times the gpu backend beside the wasm backend and PyTorch on the same GPU')
  .option('--large', 'adds what takes minutes on a software adapter', false)
  .option('--samples <n>', 'samples of a work', wholeNumber(1), 3)
  .option('--out <file>', 'file of the result (default: benchmarks/results/gpu.json)')
  .action((given: GpuOptions) => benchGpu(given));

command
  .command('gpu-composites')
  .description('times composites on WebGPU as kernels of their own, and decomposed')
  .argument(
    '[words...]',
    'parts of names; without any, all work',
    parseWord(() => compositeWorks),
  )
  .action((words: readonly string[]) => benchComposites(words));

command
  .command('browser')
  .description('times a training step in pages of Chromium and Firefox, beside Node')
  .option('--samples <n>', 'timed steps', wholeNumber(1), 5)
  .option('--out <file>', 'file of the result (default: benchmarks/results/browser.json)')
  .action((given: BrowserOptions) => benchBrowser(given));

command
  .command('profile')
  .description('says where the time of a work of bench:peers goes, kernel by kernel')
  .argument('<work>', 'its name, such as step-tiny', parseWork)
  .option('--threads <n>', 'threads (default: one a core)', wholeNumber(1))
  .option('--runs <n>', 'how many are timed', wholeNumber(1), 5)
  .option('--top <n>', 'kernels that are listed one by one', wholeNumber(0), 15)
  .action((work: Work, given: ProfileOptions) => profileWork(work, given));

command
  .command('endurance')
  .description('trains for thousands of steps, and fails if memory grows')
  .option('--steps <n>', 'how many', wholeNumber(100), 2000)
  .option('--threads <n>', 'threads (default: one a core)', wholeNumber(1))
  .action(async (given: EnduranceOptions) => {
    if (!(await endure(given))) process.exitCode = 1;
  });

command
  .command('eager')
  .description('drops results in a loop without dispose, and fails if memory grows')
  .option('--results <n>', 'how many, of 1 MiB each', wholeNumber(1000), 50_000)
  .action(({ results }: { results: number }) => {
    if (!dropResults(results)) process.exitCode = 1;
  });

command
  .command('saving')
  .description('says how much of the time of a training its saved states take')
  .addOption(new Option('--preset <name>', 'what is trained').choices(PRESETS).default('quick'))
  .option('--samples <n>', 'saves that are timed', wholeNumber(1), 7)
  .action((given: SavingOptions) => benchSaving(given));

command
  .command('onnx')
  .description('times a training step as an ONNX model on onnxruntime, beside that of Tessera')
  .option('--samples <n>', 'timed steps of each', wholeNumber(1), 15)
  .action((given: OnnxOptions) => benchOnnx(given));

try {
  await command.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
