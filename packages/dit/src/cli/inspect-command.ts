// `tessera inspect`: what models cost and data sets hold, as a table or as JSON.

import { ValueError } from '@tessera/tensor';
import { imageShapeOf } from '../config/autoencoder-config.ts';
import { DEFAULT_PRESET } from '../config/choices.ts';
import { presetConfig } from '../config/presets.ts';
import { dataOf } from '../data/mnist.ts';
import {
  censusOf,
  knownModels,
  wholeCensus,
  type Census,
  type NamedModel,
} from '../inspect/census.ts';
import { tableLines } from '../inspect/table.ts';
import { readRunConfig } from '../run/run-folder.ts';
import type { InspectArguments } from './program.ts';

/**
 * Says what a model costs: the one of a name, the one of a run, or all in all designs. Or says what data hold.
 *
 * @param print writes one line to stdout
 * @throws ValueError if there is no model of that name, or the folder is not that of a run
 */
export async function inspectCommand(
  args: InspectArguments,
  print: (line: string) => void,
): Promise<void> {
  if (args.data !== undefined) {
    await inspectData({ ...args, data: args.data }, print);
    return;
  }
  const model = await modelOf(args);
  const designs = args.design === undefined ? {} : { designs: [args.design] };
  const found = model === undefined ? wholeCensus(designs) : censusOf(model);
  if (args.json === true) print(JSON.stringify(found, null, 2));
  else for (const line of censusLines([found].flat())) print(line);
}

/** Reads a data set, and says what was found. Bad files are listed. */
async function inspectData(
  { data, name, json }: InspectArguments & { readonly data: string },
  print: (line: string) => void,
): Promise<void> {
  if (name !== undefined) {
    const problem = `both the model '${name}' and --data ${data} are named. Leave one out.`;
    throw new ValueError('inspect', problem);
  }
  const { readData } = await import('../data/read-data.ts');
  const { dataReport, reportLines } = await import('../data/data-report.ts');
  const { imageUnit } = await import('../train/run-data.ts');
  const unit = imageUnit(presetConfig(DEFAULT_PRESET));
  const report = dataReport(data, await readData(dataOf(data), { unit, skipBad: true }), unit);
  if (json === true) print(JSON.stringify(report, null, 2));
  else for (const line of reportLines(report)) print(line);
}

/** The one model that is asked for; `undefined` for all. */
async function modelOf({ name, run, design }: InspectArguments): Promise<NamedModel | undefined> {
  if (run !== undefined) {
    if (name !== undefined) {
      throw new ValueError(
        'inspect',
        `both the model '${name}' and --run ${run} are named. Leave one out.`,
      );
    }
    const { autoencoder, model } = await readRunConfig(run);
    return { name: run, imageSize: imageShapeOf(autoencoder).size, model };
  }
  if (name === undefined) return undefined;
  const known = knownModels.find((each) => each.name === name);
  if (known === undefined) {
    const names = knownModels.map((each) => each.name).join(', ');
    throw new ValueError('inspect', `there is no model '${name}'. Use ${names}, or --run.`);
  }
  return design === undefined ? known : { ...known, model: { ...known.model, design } };
}

function censusLines(all: readonly Census[]): readonly string[] {
  return tableLines(
    ['name', 'design', 'image', 'tokens', 'parameters', 'multiply-adds'],
    all.map(({ name, design, imageSize, tokens, params, macs }) => [
      name,
      design,
      `${imageSize}×${imageSize}`,
      tokens,
      params,
      macs,
    ]),
  );
}
