// The configuration of a training that starts from a run: of a flow map, a ControlNet, or a model told more.

import { ValueError } from '@tessera/tensor';
import type { ConditionName, ControlName } from '../../config/choices.ts';
import type { TrainConfig } from '../../config/config.ts';
import type { PresetChanges } from '../../config/presets.ts';
import { branchConfig } from '../../run/branch-config.ts';
import { extendedConfig } from '../../run/extended-config.ts';
import { flowMapConfig } from '../../run/flow-map-config.ts';
import { readRunConfig } from '../../run/run-folder.ts';
import type { FromArguments } from './from-options.ts';

/** What may change beside the run that a training starts from. */
type Changes = Omit<PresetChanges, 'design' | 'conditions' | 'pixels'>;

/** What says how a training starts. */
interface Start extends FromArguments {
  readonly condition?: readonly ConditionName[];
}

/**
 * The configuration of a training that starts from a run; `undefined` for one that starts anew.
 *
 * @throws ValueError if the options do not go together, or the run is not one that they start from
 */
export async function configFromRun(
  { from, control, condition }: Start,
  changes: Changes,
): Promise<TrainConfig | undefined> {
  const { objective, schedule, weighting, ...others } = changes;
  if (from === undefined) {
    const start = missingStart(control, objective);
    if (start !== undefined) throw new ValueError('train', start);
    return undefined;
  }
  const weighed = { ...others, ...(weighting !== undefined && { weighting }) };
  if (control !== undefined) {
    return branchConfig(await readRunConfig(from), from, control, weighed);
  }
  if (objective === 'mean-flow') {
    refuse({ condition, weighting, schedule }, (name) => `a flow map has no ${name} to choose`);
    return flowMapConfig(await readRunConfig(from), from, others);
  }
  if (condition === undefined) {
    throw new ValueError(
      'train',
      `--from ${from}: a flow map, a ControlNet or a model with further conditions starts from another run. Add --objective mean-flow, --control or --condition.`,
    );
  }
  refuse({ objective, schedule }, (name) => `a model with further conditions keeps its ${name}`);
  return extendedConfig(await readRunConfig(from), from, condition, weighed);
}

/** Throws a ValueError if one of these options is given. */
function refuse(
  options: Readonly<Record<string, string | readonly string[] | undefined>>,
  why: (name: string) => string,
): void {
  const [given] = Object.entries(options).filter(([, value]) => value !== undefined);
  if (given === undefined) return;
  const [name, value] = given;
  throw new ValueError('train', `--${name} ${String(value)}: ${why(name)}. Leave it out.`);
}

/** What a training lacks without --from, if it needs one. */
function missingStart(
  control: ControlName | undefined,
  objective: PresetChanges['objective'],
): string | undefined {
  if (control !== undefined) {
    return `--control ${control}: a ControlNet is trained on the model of a trained run. Name it by --from.`;
  }
  if (objective === 'mean-flow') {
    return '--objective mean-flow: a flow map follows the flow of a trained run. Name it by --from.';
  }
  return undefined;
}
