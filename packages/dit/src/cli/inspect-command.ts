// `tessera inspect`: what models cost and data sets hold, as a table or as JSON.

import { ValueError } from '@tessera/tensor';
import { DEFAULT_PRESET, PRESETS } from '../config/choices.ts';
import { codecName, rulesOf } from '../config/codec/codec-rules.ts';
import type { TrainConfig } from '../config/config.ts';
import { presetConfig } from '../config/presets.ts';
import { dataOf } from '../data/mnist.ts';
import {
  censusOf,
  knownModels,
  wholeCensus,
  type Census,
  type NamedModel,
} from '../inspect/census.ts';
import { detailOf, type Detail, type KernelCounts, type ModulePart } from '../inspect/detail.ts';
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
  const { design, json = false } = args;
  if (model === undefined) {
    const all = wholeCensus(design === undefined ? {} : { designs: [design] });
    for (const line of json ? [JSON.stringify(all, null, 2)] : censusLines(all)) print(line);
    return;
  }
  const [census, detail] = [censusOf(model), detailOf(model.config)];
  const lines = json
    ? [JSON.stringify({ ...census, ...detail }, null, 2)]
    : [...censusLines([census]), '', ...detailLines(detail)];
  for (const line of lines) print(line);
}

/** A model with a training, whose plan says what it needs. */
interface TrainedModel extends NamedModel {
  readonly config: TrainConfig;
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
async function modelOf({ name, run, design }: InspectArguments): Promise<TrainedModel | undefined> {
  if (run !== undefined) {
    if (name !== undefined) {
      throw new ValueError(
        'inspect',
        `both the model '${name}' and --run ${run} are named. Leave one out.`,
      );
    }
    const config = await readRunConfig(run);
    const shape = codecName(config) === 'latents' ? undefined : rulesOf(config).imageShape(config);
    return { name: run, imageSize: shape?.size ?? null, model: config.model, config };
  }
  if (name === undefined) return undefined;
  const known = knownModels.find((each) => each.name === name);
  if (known === undefined) {
    const names = knownModels.map((each) => each.name).join(', ');
    throw new ValueError('inspect', `there is no model '${name}'. Use ${names}, or --run.`);
  }
  const model = design === undefined ? known.model : { ...known.model, design };
  const preset = PRESETS.find((each) => each === name);
  // A training of a published model is looked at for one image, as its multiply-adds are.
  const training =
    preset === undefined ? { ...presetConfig('full'), batch: 1 } : presetConfig(preset);
  return { ...known, model, config: { ...training, model } };
}

function censusLines(all: readonly Census[]): readonly string[] {
  return tableLines(
    ['name', 'design', 'image', 'tokens', 'parameters', 'multiply-adds'],
    all.map(({ name, design, imageSize, tokens, params, macs }) => [
      name,
      design,
      imageSize === null ? 'latents' : `${imageSize}×${imageSize}`,
      tokens,
      params,
      macs,
    ]),
  );
}

function detailLines({ modules, forward, training }: Detail): readonly string[] {
  const { batch, params: trained, stateBytes, frozenBytes, arenaBytes } = training;
  const frozen =
    frozenBytes === 0 ? '' : `${megabytes(frozenBytes)} of weights that stay as they are, `;
  return [
    ...tableLines(
      ['module', 'type', 'parameters'],
      foldedBlocks(modules).map(({ path, type, params }) => [path || '(all)', type, params]),
    ),
    '',
    `forward pass of 1 image: ${megabytes(forward.arenaBytes)} of scratch memory, ${kernelsText(forward.kernels)}`,
    `training step of ${batch}: ${megabytes(stateBytes)} of weights, average and moments, ${frozen}` +
      `${megabytes(arenaBytes)} of scratch memory, ${kernelsText(training.kernels)}`,
    ...(trained < modules[0].params
      ? [`trained are ${trained.toLocaleString('en-US')} of the parameters`]
      : []),
  ];
}

/** The modules with the parts of the first block only, since all blocks of a model are alike. */
function foldedBlocks(modules: readonly ModulePart[]): readonly ModulePart[] {
  return modules.filter(({ path }) => !/^blocks\.[1-9]\d*\./.test(path));
}

function kernelsText({ total, kinds, largest }: KernelCounts): string {
  const counts = Object.entries(kinds)
    .sort(([, a], [, b]) => b - a)
    .map(([kind, count]) => `${count} ${kind}`);
  const { kind, scope, flops } = largest;
  const where = scope === '' ? '' : ` of ${scope}`;
  return `${total} kernels (${counts.join(', ')}), the largest a ${kind}${where} of ${(flops / 1e6).toFixed(1)} Mflop`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
