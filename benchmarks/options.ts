// `npm run bench:options`: what each option of a training gains in the same time, as a table.

/**
 * `npm run bench:options -- [--only NAMES] [--seconds N] [--seeds N] [--count N] [--preset NAME] [--out FOLDER]`
 *
 * Times a step of every row, in turns; then trains every row for as many steps as fit into the same time, with
 * several seeds, on latents of one autoencoder, and reads what it draws at guidance 1 and 2. The times and the
 * finished rows are kept in the folder and not measured again, so it can be stopped at any time. It writes
 * `results.json` after each row, and `table.md` at the end.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { codecOf, IMAGE_SIZE, padImages, type Preset } from '@tessera/dit';
import {
  loadMnist,
  presetConfig,
  readRuler,
  sharedLatents,
  type DigitSet,
} from '@tessera/dit/node';
import { OPTION_ROWS } from './options/rows.ts';
import { optionsTable, type Result } from './options/table.ts';
import { stepTimes } from './options/step-time.ts';
import { trainRow, type Shared } from './options/train-row.ts';

interface Asked {
  readonly only?: string;
  readonly seconds: string;
  readonly seeds: string;
  readonly count: string;
  readonly autoencoderSteps?: string;
  readonly preset: Preset;
  readonly out: string;
}

const asked = new Command()
  .option('--only <names>', `some of ${OPTION_ROWS.map(({ name }) => name).join(', ')}`)
  .option('--seconds <n>', 'training time of a row', '300')
  .option('--seeds <n>', 'seeds of each row', '3')
  .option('--count <n>', 'digits drawn at each guidance scale', '1000')
  .option('--autoencoder-steps <n>', "steps of the autoencoder (default: the preset's)")
  .option('--preset <name>', 'the preset that rows change', 'quick')
  .option('--out <folder>', 'folder of the results', 'benchmarks/results/options')
  .parse()
  .opts<Asked>();

const [seconds, seeds, count] = [asked.seconds, asked.seeds, asked.count].map(Number);
if (![seconds, seeds, count].every((value) => value > 0)) {
  process.stderr.write('error: --seconds, --seeds and --count take numbers above 0\n');
  process.exit(2);
}
const names = asked.only?.split(',');
const alien = names?.find((name) => OPTION_ROWS.every((row) => row.name !== name));
if (alien !== undefined) {
  process.stderr.write(`error: --only: there is no row ${alien}\n`);
  process.exit(2);
}
const rows = OPTION_ROWS.filter(({ name }) => names?.includes(name) ?? true);

await mkdir(asked.out, { recursive: true });
const resultsFile = join(asked.out, 'results.json');
const results: Result[] = existsSync(resultsFile)
  ? (JSON.parse(await readFile(resultsFile, 'utf8')) as Result[])
  : [];
const effort = { preset: asked.preset, seconds, count };

const isDone = (name: string, seed: number): boolean =>
  results.some(
    (result) =>
      result.name === name &&
      result.seed === seed &&
      result.preset === asked.preset &&
      result.seconds === seconds &&
      result.count === count,
  );

const shared = await prepare();
const timesFile = join(asked.out, `step-times-${asked.preset}.json`);
const times: Record<string, number> = existsSync(timesFile)
  ? (JSON.parse(await readFile(timesFile, 'utf8')) as Record<string, number>)
  : {};
const untimed = rows.filter(({ name }) => times[name] === undefined);
if (untimed.length > 0) {
  Object.assign(times, await stepTimes(untimed, asked.preset, shared));
  await writeFile(timesFile, `${JSON.stringify(times, null, 2)}\n`);
}

for (let seed = 0; seed < seeds; seed++) {
  for (const { name, configOf } of rows) {
    if (isDone(name, seed)) continue;
    const steps = Math.max(2, Math.floor((1000 * seconds) / times[name]));
    const figures = await trainRow(configOf(asked.preset), shared, { steps, count, seed });
    results.push({ name, seed, ...effort, ...figures });
    await writeFile(resultsFile, `${JSON.stringify(results, null, 2)}\n`);
    const drawn = figures.guidance.map(
      ({ scale, accuracy, fcd }) =>
        `guidance ${scale}: ${accuracy.toFixed(1)} %, FCD ${fcd.toFixed(2)}`,
    );
    console.log(`${name}, seed ${seed}: ${figures.steps} steps, ${drawn.join('; ')}`);
  }
}
const table = optionsTable(
  OPTION_ROWS,
  results.filter(
    (result) =>
      result.preset === asked.preset && result.seconds === seconds && result.count === count,
  ),
);
await writeFile(join(asked.out, 'table.md'), `${table}\n`);
console.log(table);

/** Trains what all rows share, or reads it from the folder. */
async function prepare(): Promise<Shared> {
  const mnist = await loadMnist();
  const padded = (set: DigitSet): DigitSet => ({
    ...padImages(set, IMAGE_SIZE),
    labels: set.labels,
  });
  const [train, test] = [padded(mnist.train), padded(mnist.test)];
  const config = presetConfig(asked.preset);
  const steps = Number(asked.autoencoderSteps ?? config.autoencoder.steps);
  const path = join(asked.out, `autoencoder-${asked.preset}-${steps}.safetensors`);
  const autoencoder = { ...config.autoencoder, steps };
  return {
    ...(await sharedLatents(path, { ...config, autoencoder }, train)),
    pixels: await codecOf({ codec: 'pixels' }).prepare(train, train.count),
    ruler: await readRuler(),
    real: { train, test },
  };
}
