// `npm run weights -- --run DIR`: makes the weights that @tessera/dit brings out of a trained run.

/**
 * `--out` names another folder than packages/dit/weights/mnist. `--steps`, `--sampler` and `--guidance` change how
 * samples are drawn by default. `--evaluate` measures the new weights, told each condition alone, on `--samples` (2000)
 * for each guidance scale; it takes minutes.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { SAMPLERS, type SamplingConfig } from '@tessera/dit';
import { writeFileAtomic, type Evaluation } from '@tessera/dit/node';
import { cardText, type Measured } from './weights/card.ts';
import { shipRun } from './weights/folder.ts';

const OUT = 'packages/dit/weights/mnist';
const USAGE =
  'error: usage: npm run weights -- --run DIR [--out DIR] [--steps N] [--sampler NAME] [--guidance X] [--evaluate] [--samples N]\n';

function refuse(): never {
  process.stderr.write(USAGE);
  process.exit(2);
}

const { values } = parseArgs({
  options: {
    run: { type: 'string' },
    out: { type: 'string', default: OUT },
    steps: { type: 'string' },
    sampler: { type: 'string' },
    guidance: { type: 'string' },
    evaluate: { type: 'boolean', default: false },
    samples: { type: 'string', default: '2000' },
  },
});
const { run, out, steps, guidance, evaluate, samples } = values;
const sampler = SAMPLERS.find((name) => name === values.sampler);
if (run === undefined || (values.sampler !== undefined && sampler === undefined)) refuse();

const sampling: Partial<SamplingConfig> = {
  ...(steps !== undefined && { steps: Number(steps) }),
  ...(sampler !== undefined && { sampler }),
  ...(guidance !== undefined && { guidance: Number(guidance) }),
};

/** Measures the weights by the command line, as anybody can, and keeps what it prints. */
async function measure(told: string): Promise<Measured> {
  const command = ['evaluate', '--run', out, '--told', told, '--samples', samples, '--json'];
  const { status, stdout } = spawnSync(
    process.execPath,
    ['packages/dit/bin/tessera.js', ...command],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 2 ** 26 },
  );
  if (status !== 0) throw new Error(`tessera ${command.join(' ')}: exit code ${status}`);
  const evaluation = JSON.parse(stdout) as Evaluation;
  const text = `${JSON.stringify(evaluation, null, 2)}\n`;
  await writeFileAtomic(join(out, `evaluation-${told}.json`), text);
  return { told, evaluation };
}

try {
  const shipped = await shipRun(run, out, sampling);
  const { numClasses, conditions = [] } = shipped.config.model;
  const names = [...(numClasses > 0 ? ['label'] : []), ...conditions.map(({ name }) => name)];
  const measured: Measured[] = [];
  if (evaluate) for (const told of names) measured.push(await measure(told));
  const path = join(out, 'README.md');
  const style = { ...(await resolveConfig(path)), filepath: path };
  await writeFileAtomic(path, await format(cardText(shipped, measured), style));
  console.log(`${out}: ${shipped.bytes} bytes of weights. Read ${path}, and commit the folder.`);
} catch (error) {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
