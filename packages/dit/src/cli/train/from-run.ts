// What a training that starts from a trained run is made of: a flow map's configuration, or a ControlNet's.

import { ValueError } from '@tessera/tensor';
import type { ControlName } from '../../config/choices.ts';
import type { TrainConfig } from '../../config/config.ts';
import type { PresetChanges } from '../../config/presets.ts';
import { branchConfig } from '../../run/branch-config.ts';
import { flowMapConfig } from '../../run/flow-map-config.ts';
import { readRunConfig } from '../../run/run-folder.ts';
import type { FromArguments } from './from-options.ts';

/** What may change beside the run that a training starts from. */
type Changes = Omit<PresetChanges, 'design' | 'conditions' | 'pixels'>;

/**
 * The configuration of a training that starts from a run; `undefined` for one that starts anew.
 *
 * @throws ValueError if the options do not go together, or the run is not one that they start from
 */
export async function configFromRun(
  { from, control }: FromArguments,
  changes: Changes,
): Promise<TrainConfig | undefined> {
  const { objective, schedule, weighting, ...others } = changes;
  if (from === undefined) {
    const start = missingStart(control, objective);
    if (start !== undefined) throw new ValueError('train', start);
    return undefined;
  }
  if (control !== undefined) {
    const all = { ...others, ...(weighting !== undefined && { weighting }) };
    return branchConfig(await readRunConfig(from), from, control, all);
  }
  if (objective !== 'mean-flow') {
    throw new ValueError(
      'train',
      `--from ${from}: a flow map or a ControlNet starts from another run. Add --objective mean-flow or --control.`,
    );
  }
  const [alien] = Object.entries({ weighting, schedule }).filter(([, name]) => name !== undefined);
  if (alien !== undefined) {
    throw new ValueError(
      'train',
      `--${alien[0]} ${alien[1]}: a flow map has no ${alien[0]} to choose. Leave it out.`,
    );
  }
  return flowMapConfig(await readRunConfig(from), from, others);
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
