// The options that the table compares: what each changes about the preset.

import { presetConfig, type PresetChanges } from '@tessera/dit/node';
import type { Preset, TrainConfig } from '@tessera/dit';

/** One row of the table. */
export interface OptionRow {
  readonly name: string;
  /** What the row changes, in the words of the command line, beside `--timestep-sampling uniform`. */
  readonly flags: string;
  /** The configuration, from the preset. */
  readonly configOf: (preset: Preset) => TrainConfig;
}

/** What all rows start from: v-prediction at timesteps drawn uniformly, without the shift of the preset. */
const START: PresetChanges = { timestepSampling: 'uniform' };

/** A row whose configuration is a preset with changes, and perhaps more. */
function row(
  name: string,
  flags: string,
  changes: PresetChanges = {},
  more: (config: TrainConfig) => Partial<TrainConfig> = () => ({}),
): OptionRow {
  const configOf = (preset: Preset): TrainConfig => {
    const { diffusion, ...kept } = presetConfig(preset, { ...START, ...changes });
    const { shift: _shift, ...unshifted } = diffusion;
    const config: TrainConfig = { ...kept, diffusion: unshifted };
    return { ...config, ...more(config) };
  };
  return { name, flags, configOf };
}

/** All rows. The first is the start without a change, which the others are compared with. */
export const OPTION_ROWS: readonly OptionRow[] = [
  row('v', ''),
  row('eps', '--objective eps', { objective: 'eps' }),
  row('eps-linear', '--objective eps --schedule linear', { objective: 'eps', schedule: 'linear' }),
  row('xStart', '--objective xStart', { objective: 'xStart' }),
  row('pixels', '--pixels', { pixels: true }),
  row('flow', '--objective flow', { objective: 'flow' }),
  row('flow-logit-normal', '--objective flow --timestep-sampling logit-normal', {
    objective: 'flow',
    timestepSampling: 'logit-normal',
  }),
  row(
    'flow-contrastive',
    '--objective flow --set diffusion.contrastive=0.05',
    { objective: 'flow' },
    ({ diffusion }) => ({
      diffusion: { ...diffusion, contrastive: 0.05 },
    }),
  ),
  row('logit-normal', '--timestep-sampling logit-normal', { timestepSampling: 'logit-normal' }),
  row('min-snr', '--weighting min-snr', { weighting: 'min-snr' }),
  row('modern', '--design modern', { design: 'modern' }),
  row('muon', '--optimizer muon', {}, ({ optimizer }) => ({
    optimizer: { ...optimizer, name: 'muon' },
  })),
  row('trapezoid', '--lr-schedule trapezoid', {}, ({ optimizer }) => ({
    optimizer: { ...optimizer, schedule: 'trapezoid' },
  })),
  row('decay', '--set optimizer.weightDecay=0.05', {}, ({ optimizer }) => ({
    optimizer: { ...optimizer, weightDecay: 0.05 },
  })),
  row(
    'decay-matrices',
    '--set optimizer.weightDecay=0.05 --set optimizer.decayed=matrices',
    {},
    ({ optimizer }) => ({ optimizer: { ...optimizer, weightDecay: 0.05, decayed: 'matrices' } }),
  ),
];
