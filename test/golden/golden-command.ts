import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { diskFolder } from './disk-folder.ts';
import { SECTIONS, type GoldenCase, type SectionName } from './golden-case.ts';
import { GoldenError } from './golden-folder.ts';
import {
  formatFailures,
  formatSkipped,
  formatSummary,
  formatTable,
  isWhole,
  type SectionResults,
} from './report.ts';
import { RUNNERS, type OpenRunner, type Runner } from './runners.ts';
import { sectionCases } from './sections.ts';

/** Exit code when a case failed. */
const FAILED = 1;

/** Exit code after a wrong option or unusable golden data. */
const BAD_INPUT = 2;

/** Where the runner writes its lines. */
export interface Output {
  line(text: string): void;
  error(text: string): void;
}

interface Section {
  readonly section: SectionName;
  readonly cases: readonly GoldenCase[];
  readonly skipped: readonly GoldenCase[];
}

interface Options {
  readonly backend: OpenRunner;
  readonly only?: SectionName;
  readonly compiled: boolean;
  /** Another engine that runs the functions of tensors. */
  readonly through?: 'onnx';
}

/**
 * The golden runner: `DIR [--backend NAME] [--only SECTION] [--compiled] [--through onnx]`. Its last line is
 * `golden: P passed, F failed, S skipped of N`.
 *
 * @param args The words after the program's name.
 * @returns The exit code: 0 if every case passed, 1 if not, 2 if the input cannot be used.
 */
export async function goldenCommand(args: readonly string[], output: Output): Promise<number> {
  let exitCode = 0;
  const program = new Command('golden')
    .description('Checks every case of a folder of golden data.')
    .argument('<folder>', 'folder with ops.json, optim.json, dit.json, diffusion.json, train.json')
    .option('--backend <name>', Object.keys(RUNNERS).join(', '), readBackend, RUNNERS['cpu'])
    .addOption(new Option('--only <section>', 'check only this section').choices(SECTIONS))
    .option('--compiled', 'run every function as one compiled plan', false)
    .addOption(
      new Option('--through <engine>', 'run functions of tensors as models of another engine')
        .choices(['onnx'])
        .conflicts('compiled'),
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.line(text.trimEnd()),
      writeErr: (text) => output.error(text.trimEnd()),
    })
    .action(async (path: string, options: Options) => {
      exitCode = await checkFolder(path, options, output);
    });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : BAD_INPUT;
    if (!(error instanceof GoldenError)) throw error;
    output.error(`error: ${error.message.replaceAll(/\s*\n\s*/g, ' ')}`);
    return BAD_INPUT;
  }
}

function readBackend(name: string): OpenRunner {
  if (Object.hasOwn(RUNNERS, name)) return RUNNERS[name];
  throw new InvalidArgumentError(`There is only: ${Object.keys(RUNNERS).join(', ')}.`);
}

async function checkFolder(
  path: string,
  { backend, only, compiled, through }: Options,
  output: Output,
): Promise<number> {
  const folder = diskFolder(path);
  const mode = compiled ? 'compiled' : 'eager';
  // All manifests and files are read before anything runs, so that damage is known at once.
  const sections: Section[] = [];
  // onnxruntime is loaded only where it is asked for.
  const engine = through === undefined ? null : (await import('./through-onnx.ts')).openOnnx();
  for (const section of only === undefined ? SECTIONS : [only]) {
    const all = await sectionCases(section, folder, engine?.through ?? mode);
    const skipped = engine === null ? [] : all.filter(({ isPlain = false }) => isPlain);
    sections.push({ section, cases: all.filter((one) => !skipped.includes(one)), skipped });
  }
  const runner = await backend(folder, mode);
  try {
    return await checkSections(sections, runner, output);
  } finally {
    await engine?.close();
    await runner.close();
  }
}

async function checkSections(
  sections: readonly Section[],
  runner: Runner,
  output: Output,
): Promise<number> {
  const finished: SectionResults[] = [];
  for (const { section, cases, skipped } of sections) {
    const outcome = { section, skipped, results: await runner.run(section, cases) };
    finished.push(outcome);
    for (const text of [
      formatTable(outcome),
      ...formatFailures(outcome),
      ...formatSkipped(outcome),
      '',
    ])
      output.line(text);
  }
  output.line(formatSummary(finished));
  return isWhole(finished) ? 0 : FAILED;
}
